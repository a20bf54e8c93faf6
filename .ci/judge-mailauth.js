// Verifies our signatures with mailauth, and signs the plain messages with it: judge-mailauth.js DIRECTORY, mailauth in DIRECTORY/node_modules
const fs = require('fs');
const path = require('path');
const directory = path.resolve(process.argv[2]);
const { dkimVerify } = require(directory + '/node_modules/mailauth/lib/dkim/verify');
const { dkimSign } = require(directory + '/node_modules/mailauth/lib/dkim/sign');

const zone = new Map();
for (const line of fs.readFileSync(directory + '/zone', 'utf8').split('\n').filter(Boolean)) {
  const blank = line.indexOf(' ');
  zone.set(line.slice(0, blank), line.slice(blank + 1));
}
const resolver = async (name, type) => {
  if (type === 'TXT' && zone.has(name)) return [zone.get(name).match(/.{1,255}/g)];
  const error = new Error('no such name: ' + name);
  error.code = 'ENOTFOUND';
  throw error;
};
(async () => {
  let count = 0;
  let bad = 0;
  for (const name of fs.readdirSync(directory + '/ours').sort()) {
    const { results } = await dkimVerify(fs.readFileSync(directory + '/ours/' + name), { resolver });
    count++;
    if (results.length === 1 && results[0].status.result === 'pass') continue;
    bad++;
    console.log(name + ': ' + JSON.stringify(results.map(result => result.status)));
  }
  fs.mkdirSync(directory + '/mailauth', { recursive: true });
  let i = 0;
  for (const name of fs.readdirSync(directory + '/plain').sort()) {
    const message = fs.readFileSync(directory + '/plain/' + name);
    const ed = i % 2 === 1;
    const form = ['simple', 'relaxed'][Math.floor(i / 2) % 2] + '/' + ['simple', 'relaxed'][Math.floor(i / 4) % 2];
    const signed = await dkimSign(message, {
      canonicalization: form,
      signatureData: [{ signingDomain: 'example.org', selector: ed ? 'ed' : 'rsa', privateKey: fs.readFileSync(directory + (ed ? '/ed.pem' : '/rsa.pem')), algorithm: ed ? 'ed25519-sha256' : 'rsa-sha256' }],
    });
    if (signed.errors && signed.errors.length) throw new Error(name + ': ' + JSON.stringify(signed.errors));
    fs.writeFileSync(directory + '/mailauth/' + name, Buffer.concat([Buffer.from(signed.signatures, 'latin1'), message]));
    i++;
  }
  console.log(`mailauth: ${count} verified, ${bad} failed`);
  process.exit(bad ? 1 : 0);
})();
