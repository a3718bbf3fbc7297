/** The first trust file of an installation, for a person to read: one key for releases and evidence, and the log's own. */
export function trustText(
  metadata: { readonly name: string; readonly owner: string },
  publicKeyPem: string,
  verifier: string,
): string {
  const [origin] = verifier.split('+');
  const indented = publicKeyPem
    .trim()
    .split('\n')
    .map((line) => `        ${line}`)
    .join('\n');
  return `# Whose releases and evidence count, and which log. Headgate reads it again when it changes.
apiVersion: headgate/v1
kind: Trust
metadata: {name: ${metadata.name}, owner: ${metadata.owner}}
spec:
  signers:
    # Who holds the private half can make releases: keep it where your CI keeps its secrets.
    - name: ci
      may: [release, evidence]
      publicKey: |
${indented}
  log:
    origin: ${origin}
    keys: ["${verifier}"]
`;
}
