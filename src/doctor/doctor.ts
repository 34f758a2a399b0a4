import { release } from 'node:os'
import { inspectSupport, type SupportReport } from '../observe/support.js'
import { type Confinement, inspectConfinement } from './confinement.js'
import { inspectKernelModule, type KernelModule } from './kernel-module.js'
import { type LoopbackTransfer, transferOverLoopback } from './loopback-transfer.js'
import { inspectNetworkCards, type NetworkCards } from './network-cards.js'
import { readText } from './reader.js'
import { inspectUrl, type ServedUrl } from './served-url.js'

/** All that the doctor found out. docs/doctor.md has it as a schema. */
export interface DoctorReport {
  support: SupportReport
  /** As it was before the kernel was asked for anything. */
  kernelModule: KernelModule
  confinement: Confinement
  networkCards?: NetworkCards
  transfer?: LoopbackTransfer
  /** With `--url`. */
  served?: ServedUrl
}

/** Looks at this machine, then tries it. @param url a server on this host to look at, too */
export async function examine(url?: URL): Promise<DoctorReport> {
  const isLinux = process.platform === 'linux'
  const kernelModule = inspectKernelModule(readText, release())
  const support = await inspectSupport()
  return {
    support,
    kernelModule,
    confinement: inspectConfinement(readText, process.env),
    ...(isLinux ? { networkCards: await inspectNetworkCards(readText) } : {}),
    transfer: await transferOverLoopback(),
    ...(url === undefined ? {} : { served: await inspectUrl(url, readText) }),
  }
}
