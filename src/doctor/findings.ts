import type { DoctorReport } from './doctor.js'
import type { Finding } from './finding.js'
import { cards, confinementOf, kernelTls } from './kernel-findings.js'
import { addon, environment, fips, operatingSystem, permissionModel, runtime } from './process-findings.js'
import { loopback, url } from './transfer-findings.js'

/** Turns what was found out into one finding a requirement, in the order in which they depend on each other. */
export function diagnose(report: DoctorReport): Finding[] {
  const { support, confinement, networkCards, transfer, served } = report
  return [
    operatingSystem(support),
    runtime(support),
    ...(confinement.permissionModel ? [permissionModel(support)] : []),
    addon(support, confinement.permissionModel),
    ...kernelTls(report),
    ...confinementOf(report),
    fips(support),
    ...(networkCards === undefined ? [] : [cards(networkCards)]),
    ...environment(support),
    ...(transfer === undefined ? [] : [loopback(transfer, support)]),
    ...(served === undefined ? [] : [url(served, support)]),
  ]
}
