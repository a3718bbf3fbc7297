import { Textarea } from '@mantine/core';

/** A person's words that go on the log. */
export function ReasonField(props: { readonly value: string; readonly onChange: (value: string) => void }) {
  return (
    <Textarea
      label="Reason"
      description="It goes on the log, for everybody to read, for good"
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      maxLength={500}
      autosize
      minRows={2}
      required
      withAsterisk={false}
      data-autofocus
    />
  );
}
