/**
 * `npm run verify:kernel -- VMLINUZ`: boots another kernel in a virtual machine (qemu, emulated) with nothing in it but
 * this project, and runs verify-guest.ts there. For Debian 12's kernel, the oldest that the programs are for:
 *
 *     apt-get install --no-install-recommends qemu-system-x86 busybox-static
 *     apt-get download linux-image-6.1.0-56-cloud-amd64 && dpkg-deb -x linux-image-6.1.0-56*.deb kernel
 *     npm run verify:kernel -- kernel/boot/vmlinuz-6.1.0-56-cloud-amd64
 *
 * Exit status 0: every program passed the verifier and agrees with TypeScript; 1: one did not; 2: usage, or something is missing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
/** In the guest: where the package lies, and a module that finds the objects from where it is. */
const home = 'subflow';
const guest = `/${home}/dist/linux/bpf/guest.mjs`;
/** An emulated processor is slow, and so is a busy machine. */
const timeoutMs = 20 * 60_000;

const init = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/usr/bin/node ${guest}
echo "guest ended with $?"
/bin/busybox poweroff -f
`;

/** Libraries that a program is linked with, as it finds them. */
function librariesOf(program: string): string[] {
  const said = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
}

/** Copies a file to the same place under `folder`, under the name it was asked for. */
function copyInto(folder: string, path: string, to = path): void {
  mkdirSync(join(folder, dirname(to)), { recursive: true });
  cpSync(realpathSync(path), join(folder, to));
}

/** Fills `folder` with all that the guest has. */
function fill(folder: string): void {
  for (const name of ['proc', 'sys', 'dev', 'tmp', home]) mkdirSync(join(folder, name));
  copyInto(folder, '/bin/busybox');
  copyInto(folder, process.execPath, '/usr/bin/node');
  for (const library of librariesOf(process.execPath)) copyInto(folder, library);
  const bundled = ['--bundle', '--platform=node', '--format=esm', '--external:koffi', '--log-level=warning'];
  const entry = join(root, 'bpf', 'verify-guest.ts');
  execFileSync(join(root, 'node_modules', '.bin', 'esbuild'), [
    entry,
    ...bundled,
    `--outfile=${join(folder, guest)}`,
  ]);
  cpSync(join(root, 'bpf'), join(folder, home, 'bpf'), { recursive: true });
  for (const name of ['koffi', '@koromix'])
    cpSync(realpathSync(join(root, 'node_modules', name)), join(folder, home, 'node_modules', name), {
      recursive: true,
    });
  writeFileSync(join(folder, 'init'), init, { mode: 0o755 });
}

/** Boots the kernel; what it said on its serial line, which goes to `log` as it comes. */
function boot(kernel: string, archive: string, log: string): string {
  const machine = ['-accel', 'tcg', '-cpu', 'Nehalem', '-m', '2048', '-smp', '2', '-no-reboot'];
  const silent = ['-display', 'none', '-monitor', 'none', '-serial', `file:${log}`, '-nic', 'none'];
  const begin = ['-kernel', kernel, '-initrd', archive, '-append', 'console=ttyS0 panic=-1'];
  const { error } = spawnSync('qemu-system-x86_64', [...machine, ...silent, ...begin], {
    ...{ timeout: timeoutMs, stdio: 'inherit' },
  });
  if (error !== undefined) console.error(error.message);
  return readFileSync(log, 'utf8');
}

const [kernel] = process.argv.slice(2);
const missing = ['/bin/busybox', '/usr/bin/qemu-system-x86_64', kernel ?? 'VMLINUZ'].find(
  (path) => !existsSync(path),
);
if (missing !== undefined) {
  console.error(
    `${missing} is not there; usage: npm run verify:kernel -- VMLINUZ (bpf/verify-on-kernel.ts says what it takes)`,
  );
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), 'subflow-kernel-'));
try {
  const tree = join(scratch, 'tree');
  mkdirSync(tree);
  fill(tree);
  const archive = join(scratch, 'initramfs');
  execFileSync('sh', ['-c', 'find . | busybox cpio -o -H newc > "$0"', archive], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const said = boot(kernel!, archive, join(scratch, 'said'));
  process.stdout.write(said);
  process.exitCode = said.includes('guest ended with 0') ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
