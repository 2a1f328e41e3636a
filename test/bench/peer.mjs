// The peer, whole process: start node, load agent-backend from the folder AB_NPM, construct, one exec of `true`, end.
// usage: AB_NPM=FOLDER node peer.mjs ISOLATION DIR
import { pathToFileURL } from 'node:url'

const [isolation, rootDir] = process.argv.slice(2)
const { LocalFilesystemBackend } = await import(pathToFileURL(process.env.AB_NPM + '/node_modules/agent-backend/dist/index.js'))
const backend = new LocalFilesystemBackend({ rootDir, isolation })
await backend.exec('true')
await backend.destroy()
