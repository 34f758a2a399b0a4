// An archive as the kernel unpacks it into its first root: cpio's "newc" format, as in the kernel's
// Documentation/driver-api/early-userspace/buffer-format.rst.

const directory = 0o040755
const executable = 0o100755
const regular = 0o100644
const symlink = 0o120777
const characterDevice = 0o020600

export class CpioArchive {
  /** @type {Buffer[]} */
  #parts = []
  /** @type {Set<string>} */
  #folders = new Set()

  /**
   * @param {string} path without a leading slash
   * @param {Buffer | string} content
   */
  addFile(path, content) {
    this.#add(path, regular, content)
  }

  /**
   * @param {string} path
   * @param {Buffer | string} content
   */
  addProgram(path, content) {
    this.#add(path, executable, content)
  }

  /**
   * @param {string} path
   * @param {string} target
   */
  addLink(path, target) {
    this.#add(path, symlink, target)
  }

  /**
   * @param {string} path
   * @param {number} major
   * @param {number} minor
   */
  addDevice(path, major, minor) {
    this.#add(path, characterDevice, '', [major, minor])
  }

  /** @param {string} path */
  addFolder(path) {
    if (this.#folders.has(path)) return
    this.#folders.add(path)
    this.#add(path, directory)
  }

  /** @returns {Buffer} */
  finish() {
    this.#append('TRAILER!!!', 0, Buffer.alloc(0), [0, 0])
    return Buffer.concat(this.#parts)
  }

  /**
   * @param {string} path
   * @param {number} mode
   * @param {Buffer | string} [content]
   * @param {[number, number]} [device]
   */
  #add(path, mode, content = '', device = [0, 0]) {
    // The kernel creates no folder by itself.
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      this.addFolder(path.slice(0, slash))
    }
    this.#append(path, mode, Buffer.from(content), device)
  }

  /**
   * @param {string} path
   * @param {number} mode
   * @param {Buffer} content
   * @param {[number, number]} device
   */
  #append(path, mode, content, [major, minor]) {
    const name = Buffer.from(`${path}\0`)
    const inode = this.#parts.length + 1
    const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length, 0]
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`
    this.#parts.push(padded(Buffer.concat([Buffer.from(header), name])), padded(content))
  }
}

/** @param {Buffer} bytes filled up to a multiple of four */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}
