/**
 * `npm run bench -- NAME`: measurements side by side in one run; without a name, what there is.
 * @module
 */
const BENCHES: Readonly<Record<string, { readonly what: string; readonly run: () => Promise<void> }>> = {
  transfer: {
    what: 'publish and fetch on a devnet of 10: time, MiB/s, CPU-s/GiB, memory',
    run: async () => (await import('./transfer.ts')).run(),
  },
  documents: {
    what: 'what the client itself does to the bytes of a document, stage by stage: MiB/s, CPU-s/GiB, shares',
    run: async () => (await import('./documents.ts')).run(),
  },
  store: {
    what: 'the datastore beside a raw file doing the same hash and flush; ten times its size; a million blocks at start',
    run: async () => (await import('./store.ts')).run(),
  },
  dashboard: {
    what: 'the dashboard at 120x40 on a devnet of 8: CPU, memory, bytes, first frame, keys, and what the daemon spends on it',
    run: async () => (await import('./dashboard.ts')).run(),
  },
  handshake: {
    what: 'what a stranger can make a node spend, and what a handshake costs: CPU us',
    run: async () => (await import('./handshake.ts')).run(),
  },
  routing: {
    what: 'routing decisions with 64 peers, messages through a real link, memory of a peer and of a waiting request',
    run: async () => (await import('./routing.ts')).run(),
  },
  onion: {
    what: 'circuits through three processes on loopback: built/s, MiB/s, CPU-s/GiB, answer times; beside TCP and TLS 1.3',
    run: async () => (await import('./onion.ts')).run(),
  },
};

const name = process.argv[2];
const bench = name === undefined ? undefined : BENCHES[name];
if (bench === undefined) {
  if (name !== undefined) console.error(`no bench is called ${name}`);
  for (const [key, { what }] of Object.entries(BENCHES)) console.log(`${key.padEnd(12)} ${what}`);
  process.exit(name === undefined ? 0 : 2);
}
await bench.run();
