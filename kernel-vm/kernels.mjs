// Which kernels there are, and where Debian has them: its own, which QEMU runs, and user-mode Linux.

/**
 * @typedef {object} KernelPackage
 * @property {string} release
 * @property {RegExp} form of the package's name; the newest is taken
 */

/** @type {Readonly<Record<string, KernelPackage>>} */
export const emulatedPackages = Object.freeze({
  6.1: { release: 'bookworm', form: /^linux-image-6\.1\.0-\d+-amd64$/ },
  6.12: { release: 'bookworm', form: /^linux-image-6\.12\.\d+\+deb12-amd64$/ },
  6.18: { release: 'trixie', form: /^linux-image-6\.18\.\d+\+deb13-amd64$/ },
})

/**
 * The last one's kernel grows: it is the newest that Debian has built so.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const userModeReleases = Object.freeze({ '6.1-um': 'bookworm', '6.12-um': 'trixie', 'next-um': 'forky' })

export const emulatedKernels = Object.freeze(Object.keys(emulatedPackages))
export const userModeKernels = Object.freeze(Object.keys(userModeReleases))
export const kernels = Object.freeze([...emulatedKernels, ...userModeKernels])

/** @param {string} kernel */
export function isUserMode(kernel) {
  return kernel in userModeReleases
}
