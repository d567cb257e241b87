/** What a page says of its maker: it tells ours from a file of someone else's. */
export const generatorTag = '<meta name="generator" content="nanoadam">';
