// A small PC in QEMU, without disks, to which folders of the host are shared by 9p. The processor is always emulated: not
// every machine has hardware virtualisation, and a /dev/kvm that can be opened may still not work.

import { descriptors, startMachine } from './machine-process.mjs'
import { qemu } from './qemu.mjs'
import { qemuImage } from './qemu-image.mjs'

const kernelArguments = [
  'console=ttyS0',
  'loglevel=4',
  'panic=-1', // restart at once, which with -no-reboot ends QEMU
  'mitigations=off',
  'nokaslr',
  'tsc=reliable',
  'clocksource=tsc',
  'no_timer_check',
  'random.trust_cpu=on',
  'lsm=',
  'audit=0',
  'cryptomgr.notests',
  'rcupdate.rcu_expedited=1',
  '8250.nr_uarts=1',
  'init_on_alloc=0', // Debian's kernel clears each page it hands out
  'rodata=off', // else it looks through all page tables for pages both writable and executable
  'initcall_blacklist=init_encrypted,jent_mod_init,init_kprobe_trace,trace_eval_init', // slow, and not used here
  'lpj=4500000', // measuring the delay loop takes a quarter of a second
]

/**
 * Without these: five-level page tables, and "fast" string moves, which the kernel would copy by and emulation carries
 * out byte by byte.
 */
const processor = 'max,la57=off,-erms,-fsrm'

/**
 * @typedef {object} Machine
 * @property {string} kernel
 * @property {string} settings what init.sh reads first
 * @property {string[]} writable folders of the host
 * @property {number} memoryMiB
 * @property {number} cpus
 * @property {boolean} icount one processor whose clock counts instructions, one a nanosecond
 */

/**
 * @param {Machine} machine
 * @returns {Promise<import('./machine-process.mjs').MachineProcess>}
 */
export async function startQemu(machine) {
  const image = await qemuImage(machine.kernel)
  const { command, args, env } = await qemu()
  const process = await startMachine({ command, args: [...args, ...qemuArguments(image, machine)], env })
  process.control.write(`${Buffer.byteLength(machine.settings)}\n${machine.settings}`)
  return process
}

/**
 * @param {{ vmlinux: string, initramfs: string }} image
 * @param {Machine} machine folders are tagged writable0, writable1, ...
 * @returns {string[]}
 */
function qemuArguments({ vmlinux, initramfs }, { writable, memoryMiB, cpus, icount }) {
  const ports = Object.entries(descriptors)
  return [
    ['-machine', 'q35,usb=off,vmport=off'],
    ['-nodefaults', '-no-user-config', '-no-reboot'],
    ['-display', 'none'],
    icount
      ? ['-accel', 'tcg,thread=single,tb-size=512', '-icount', 'shift=0,sleep=off', '-smp', '1']
      : ['-accel', 'tcg,thread=multi,tb-size=512', '-smp', String(cpus)],
    ['-cpu', processor],
    ['-m', String(memoryMiB)],
    ['-kernel', vmlinux],
    ['-initrd', initramfs],
    ['-append', kernelArguments.join(' ')],
    ['-rtc', 'base=utc'],
    ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ['-device', 'virtio-serial-pci'],
    ...ports.flatMap(([name, fd]) => [
      ['-chardev', `socket,id=${name},fd=${fd}`],
      ['-device', `virtserialport,chardev=${name},name=${name}`],
    ]),
    sharedFolder('host', '/', ',readonly=on'),
    ...writable.map((path, index) => sharedFolder(`writable${index}`, path, '')),
  ].flat()
}

/**
 * @param {string} tag
 * @param {string} path
 * @param {string} more
 */
function sharedFolder(tag, path, more) {
  // Commas separate properties; two stand for one.
  const properties = `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none,multidevs=remap${more}`
  return ['-fsdev', properties, '-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`]
}
