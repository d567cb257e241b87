/** Replaces a folder as a run does, without training: `node replace-folder.mjs FILES_ROOM TARGET`. */
const [, , room, target] = process.argv;
const { OutputFolder } = await import(`${room}/output-folder.js`);
const { writeFileAtomically } = await import(`${room}/write-file.js`);

const output = await OutputFolder.create(target, { overwrite: true });
for (const name of ["model.safetensors", "config.json", "tokenizer.json"]) {
  await writeFileAtomically(output.path(name), "new");
}
process.stdout.write("staged\n");
try {
  await output.commit();
  process.stdout.write("done\n");
} catch (error) {
  process.stdout.write(`${error.message}\n`);
}
