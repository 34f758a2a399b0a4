/** Values of HandOver in native/session/hand_over.h. */
export enum HandOverStatus {
  Done = 0,
  SessionNotTracked = 1,
  SessionInconsistent = 2,
  ProofNeeded = 3,
  Busy = 4,
  SessionNotReady = 5,
  SessionEnding = 6,
  ProtocolUnsupported = 7,
  CipherUnsupported = 8,
  RecordSizeLimited = 9,
  UlpRefused = 10,
  KeysRefused = 11,
  DescriptorLimit = 12,
}

/** Values of Outcome in native/send/completion.h; any negative value is -errno. */
export enum Outcome {
  Complete = 0,
  Progress = 1,
  Released = 2,
  KeySpent = 3,
}

/** Answer of the send methods: 1, complete; 0, to be completed through the mailbox; negative, -errno and not taken. */
export type Submitted = number

/** A duplicated descriptor of a file. Closed when it is sent, closed or collected. */
export interface NativeFile {
  readonly fd: number
  close(): void
}

/** native/binding/native_queue.h. `item` numbers are chosen by the caller; 0 means that nobody waits. */
export interface NativeQueue {
  /** Takes `file` over, unless the answer is negative: then nothing was sent. */
  sendRange(
    item: number,
    file: NativeFile,
    offset: number,
    length: number,
    progressMs: number,
    /** On this thread, if the queue is empty and the file is in memory. */
    atOnce: boolean,
  ): Submitted
  /** It goes no further than it has come, and completes there. */
  stopRange(item: number): void
  sendBytes(item: number, buffers: readonly Uint8Array[]): Submitted
  /** Plaintext that the kernel has taken. */
  bytesSent(): number
  /** `item` is told KeySpent, once, when the write key should change and the kernel cannot. */
  watchKey(item: number): void
  sendControl(item: number, contentType: number, bytes: Uint8Array, urgent: boolean): Submitted
  close(releaseItem: number, forReset: boolean): boolean
}

export interface HandOverAnswer {
  status: HandOverStatus
  /** Positive errno of what the kernel refused; 0 otherwise. */
  errno: number
  queue?: NativeQueue
}

/** native/binding/addon.cc. */
export interface NativeBinding {
  missingOpenSslFunctions(): string[]
  startTracking(): boolean
  stopTracking(): void
  adoptLatestSession(): boolean
  kernelOffersTls(): boolean
  handOver(tlsHandle: object, socketFd: number, finished: Uint8Array): HandOverAnswer
  /** It will not be handed over: its secret is wiped, and no other is kept. */
  giveSessionUp(tlsHandle: object): void
  markShutdownSent(tlsHandle: object): void
  /** Prints what a session reads from now on, after its hand-over. */
  traceSession(tlsHandle: object): void
  openTcpQueue(socketFd: number): NativeQueue | number
  /** A duplicate of `fd`, or -errno. -EBADF: `fd` cannot be read from. */
  openFile(fd: number): NativeFile | number
  openMailbox(handler: (triples: Float64Array) => void): void
  holdEventLoop(hold: boolean): void
  setSenderThreads(threads: number): void
  /** For sessions handed over later: how many records a key may protect. 0: the default. For tests. */
  setRecordsPerKey(records: number): void
  fileOffset(fd: number): number
  setFileOffset(fd: number, offset: number): number
  /** Bytes of a regular file. Negative: of another kind, or its size is nominal (proc, sysfs). */
  fileSize(fd: number): number
  probeTls(version: number, cipher: number): Promise<number>
  probeRekey(): Promise<number>
}
