// Stops a test run on the wrong Node before it fails in a hundred confusing ways.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(
    `Holloway's tests need Node >= 24.12, this is ${process.versions.node}. Run "npm ci" with install scripts allowed: it brings Node 24.`,
  );
  process.exit(1);
}
