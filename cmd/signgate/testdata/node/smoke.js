// Google's Node.js clients for Cloud KMS, Artifact Registry and Kubernetes Engine, used as
// anybody would: nothing here knows of a sandbox. Each is tried over gRPC, and its REST; it
// prints a line for each thing that was as it should be, and ends with 1 at the first that is not.
'use strict';
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const {KeyManagementServiceClient} = require('@google-cloud/kms');
const {ArtifactRegistryClient} = require('@google-cloud/artifact-registry');
const {ClusterManagerClient} = require('@google-cloud/container');
const {GoogleAuth} = require('google-auth-library');

const project = process.env.GOOGLE_CLOUD_PROJECT;
const parent = `projects/${project}/locations/europe-west1`;
const NOT_FOUND = 5, ALREADY_EXISTS = 6, PERMISSION_DENIED = 7;

async function refused(what, call, code, words) {
  let error;
  try { await call(); } catch (e) { error = e; }
  assert.ok(error, `${what}: not refused`);
  assert.equal(error.code, code, `${what}: ${error.message}`);
  assert.match(error.message, words, what);
}

async function kms(client, id) {
  const [ring] = await client.createKeyRing({parent, keyRingId: id, keyRing: {}});
  const [key] = await client.createCryptoKey({parent: ring.name, cryptoKeyId: 'sign', cryptoKey: {
    purpose: 'ASYMMETRIC_SIGN', versionTemplate: {algorithm: 'EC_SIGN_P256_SHA256'}}});
  const name = `${key.name}/cryptoKeyVersions/1`;
  const [publicKey] = await client.getPublicKey({name});
  const text = Buffer.from('an image');
  const [signed] = await client.asymmetricSign({name, digest: {sha256: crypto.createHash('sha256').update(text).digest()}});
  assert.ok(crypto.verify('sha256', text, publicKey.pem, signed.signature), 'the signature is good');
  const [rings] = await client.listKeyRings({parent});
  assert.ok(rings.some(r => r.name === ring.name), 'the ring is listed');
  await refused('a ring that exists', () => client.createKeyRing({parent, keyRingId: id, keyRing: {}}), ALREADY_EXISTS, /already exists/);
  await refused('a key that is not there', () => client.getCryptoKey({name: `${ring.name}/cryptoKeys/none`}), NOT_FOUND, /CryptoKey .* not found/);
}

async function registry(client, id) {
  const [making] = await client.createRepository({parent, repositoryId: id, repository: {format: 'DOCKER'}});
  const [made] = await making.promise();
  assert.equal(made.name, `${parent}/repositories/${id}`);
  const [all] = await client.listRepositories({parent});
  assert.ok(all.some(r => r.name === made.name), 'the repository is listed');
  const [removing] = await client.deleteRepository({name: made.name});
  await removing.promise();
  await refused('a repository that is gone', () => client.getRepository({name: made.name}), NOT_FOUND, /not found/i);
}

async function clusters(client) {
  const [config] = await client.getServerConfig({name: parent});
  assert.ok(config.validMasterVersions.length > 0, 'there are versions');
  await client.listClusters({parent});
  await refused('a cluster that is not there', () => client.getCluster({name: `${parent}/clusters/none`}), NOT_FOUND, /Not found: projects/);
  await refused('another project', () => client.listClusters({parent: 'projects/somebody-elses/locations/-'}), PERMISSION_DENIED, /./);
}

// rest calls the same services as plain REST, with Google's own sign-in for Node.js. (The
// clients above have a mode for it too, fallback: true; google-gax gives it an agent of its
// own, so that it finds no proxy, here or elsewhere.)
async function rest(auth) {
  const call = async (host, path, method = 'GET', data) =>
    (await auth.request({url: `https://${host}.googleapis.com/v1/${path}`, method, data})).data;
  const denied = async (what, code, status, ...args) => {
    let error;
    try { await call(...args); } catch (e) { error = e; }
    assert.ok(error, `${what}: not refused`);
    assert.equal(error.response.status, code, what);
    assert.equal(error.response.data.error.status, status, what);
  };
  const ring = await call('cloudkms', `${parent}/keyRings?keyRingId=node-rest`, 'POST', {});
  assert.equal(ring.name, `${parent}/keyRings/node-rest`);
  await denied('a ring that exists', 409, 'ALREADY_EXISTS', 'cloudkms', `${parent}/keyRings?keyRingId=node-rest`, 'POST', {});
  console.log('kms over rest: ok');
  await call('artifactregistry', `${parent}/repositories?repositoryId=node-rest`, 'POST', {format: 'DOCKER'});
  await denied('a repository that is not there', 404, 'NOT_FOUND', 'artifactregistry', `${parent}/repositories/none`);
  console.log('artifactregistry over rest: ok');
  const config = await call('container', `${parent}/serverConfig`);
  assert.ok(config.validMasterVersions.length > 0, 'there are versions');
  await denied('a cluster that is not there', 404, 'NOT_FOUND', 'container', `${parent}/clusters/none`);
  console.log('container over rest: ok');
}

async function main() {
  await kms(new KeyManagementServiceClient(), 'node-grpc');
  console.log('kms over grpc: ok');
  await registry(new ArtifactRegistryClient(), 'node-grpc');
  console.log('artifactregistry over grpc: ok');
  await clusters(new ClusterManagerClient());
  console.log('container over grpc: ok');
  await rest(new GoogleAuth({scopes: 'https://www.googleapis.com/auth/cloud-platform'}));
}

main().catch(e => { console.error(e); process.exitCode = 1; });
