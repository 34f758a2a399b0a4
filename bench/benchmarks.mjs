import { after } from './benchmarks/after.mjs'
import { cold } from './benchmarks/cold.mjs'
import { growth } from './benchmarks/growth.mjs'
import { large } from './benchmarks/large.mjs'
import { loop } from './benchmarks/loop.mjs'
import { many } from './benchmarks/many.mjs'
import { small } from './benchmarks/small.mjs'
import { threshold } from './benchmarks/threshold.mjs'

/** @type {import('./benchmarks/benchmark.mjs').Benchmark[]} */
export const benchmarks = [large, small, threshold, after, loop, many, cold, growth]
