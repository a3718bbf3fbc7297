/**
 * For tests only: a program as somebody would write it for their disks, over a folder. Its snapshots are copies (by reflink where the
 * file system has it) that are taken while the cluster stands still, so that they are of one moment, as a disk's are.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const TEXT = `#!/bin/sh
# What it is asked is one line of JSON on its input.
set -e
here=$1; kept=$2; verb=$3
read -r asked
field() { printf '%s' "$asked" | sed -n 's/.*"'"$1"'":"\\([^"]*\\)".*/\\1/p'; }
mode=$(cat "$here/mode" 2>/dev/null || true)
case "$mode" in
  nonsense) echo '{"snapshot": 7}'; exit 0;;
  busy) echo '{"why": "the volume is being moved"}'; exit 75;;
  fails) echo 'a secret of its own' >&2; exit 3;;
  floods) head -c 2000000 /dev/zero; exit 0;;
  hangs) sleep 60;;
esac
case "$verb" in
  take)
    data=$(field data); name="snap-$(field id)"
    if [ "$mode" = takes-other ]; then printf '{"snapshot": "%s"}\\n' "$(cat "$here/other")"; exit 0; fi
    postmaster=$(head -n 1 "$data/postmaster.pid")
    all="$postmaster $(cat /proc/$postmaster/task/*/children)"
    # A disk's snapshot is of one moment: here nobody writes while it is taken.
    trap 'kill -CONT $all 2>/dev/null || true' EXIT
    kill -STOP $all
    cp -a --reflink=auto "$data" "$kept/$name"
    printf '{"snapshot": "%s", "bytes": %s}\\n' "$name" "$(du -sb "$kept/$name" | cut -f1)";;
  lay-out)
    to=$(field to); from="$kept/$(field snapshot)"
    [ "$mode" = lays-out-other ] && from=$(cat "$here/other")
    case "$mode" in
      lays-out-nothing) ;;
      lays-out-names) cp -al "$from/." "$to/";;
      lays-out-a-link) rmdir "$to"; ln -s "$(cat "$here/other")" "$to";;
      *) cp -a --reflink=auto "$from/." "$to/";;
    esac
    echo '{}';;
  look)
    printf '{"snapshots": ['; comma=
    for each in $(printf '%s' "$asked" | sed 's/.*"snapshots":\\[\\([^]]*\\)\\].*/\\1/; s/[",]/ /g'); do
      [ -d "$kept/$each" ] && { printf '%s"%s"' "$comma" "$each"; comma=,; }
    done
    echo ']}';;
  remove) rm -rf "$kept/$(field snapshot)"; echo '{}';;
  *) echo '{"why": "no such verb"}'; exit 2;;
esac
`;

/** The argument vector. `kept`: the folder of its snapshots. */
export async function copyingProgram(dir: string, kept: string): Promise<readonly string[] & string[]> {
  await mkdir(kept, { mode: 0o700 });
  const program = join(dir, 'snapshots.sh');
  await writeFile(program, TEXT);
  await chmod(program, 0o755);
  return [program, dir, kept];
}
