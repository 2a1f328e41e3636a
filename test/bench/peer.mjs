// The peer, whole process: start node, load agent-backend from AB_NPM, construct, one exec of `true`, end.
// usage: AB_NPM=FOLDER node peer.mjs ISOLATION DIR
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [isolation, rootDir] = process.argv.slice(2)
const require = createRequire(process.env.AB_NPM + '/')
const { LocalFilesystemBackend } = await import(pathToFileURL(require.resolve('agent-backend')))
const backend = new LocalFilesystemBackend({ rootDir, isolation })
await backend.exec('true')
await backend.destroy()
