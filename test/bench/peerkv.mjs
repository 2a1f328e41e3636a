// The peer's keys and values: load agent-backend from the folder AB_NPM, put so many values of 100 B to 1,000 keys, get so many, and print how many
// of each a second. With 1 it is a whole process for one key.
// usage: AB_NPM=FOLDER node peerkv.mjs COUNT
import { pathToFileURL } from 'node:url'

const count = Number(process.argv[2])
const { MemoryBackend } = await import(pathToFileURL(process.env.AB_NPM + '/node_modules/agent-backend/dist/index.js'))
const backend = new MemoryBackend()
const value = '0'.repeat(100)

async function timed(what, one) {
	const start = process.hrtime.bigint()
	for (let i = 0; i < count; i++) await one(`k${(i * 7919) % 1000}`)
	console.log(what, Math.round((count / Number(process.hrtime.bigint() - start)) * 1e9))
}
await timed('put', (key) => backend.write(key, value))
await timed('get', (key) => backend.read(key))
await backend.destroy()
