/** One SQL statement; `keys` name the functions whose derived keys are its parameters, behind those that stand before. */
export interface MaskStatement {
  readonly sql: string;
  readonly keys: readonly string[];
}

/** The schema of everything that masking keeps in a copy: its mark, its functions, its progress. */
export const COPY_SCHEMA = 'headgate_copy';
