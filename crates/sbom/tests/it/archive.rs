//! Writes tars as layers have them, good ones and bad ones.

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    File(&'static str, Vec<u8>),
    Directory(&'static str),
    Symlink(&'static str, &'static str),
    HardLink(&'static str, &'static str),
}

pub(crate) fn file(path: &'static str, bytes: impl Into<Vec<u8>>) -> Entry {
    Entry::File(path, bytes.into())
}

/// Returns the entries as a tar with its two empty blocks at the end.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        match entry {
            Entry::File(path, body) => {
                bytes.extend(header(path.as_bytes(), b'0', body.len() as u64, ""));
                append(&mut bytes, body);
            }
            Entry::Directory(path) => bytes.extend(header(path.as_bytes(), b'5', 0, "")),
            Entry::Symlink(path, target) => bytes.extend(header(path.as_bytes(), b'2', 0, target)),
            Entry::HardLink(path, target) => bytes.extend(header(path.as_bytes(), b'1', 0, target)),
        }
    }
    bytes.extend([0; 1024]);
    bytes
}

/// Adds a body and what fills its last block.
pub(crate) fn append(bytes: &mut Vec<u8>, body: &[u8]) {
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}

/// Returns an extended header with records, before the entry that they are for.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        body.extend(format!("{length}{rest}").into_bytes());
    }
    let mut bytes = header(b"pax", b'x', body.len() as u64, "");
    append(&mut bytes, &body);
    bytes
}

/// Returns a ustar header. A path that does not fit stands before it as a GNU long name.
pub(crate) fn header(path: &[u8], type_flag: u8, size: u64, link: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if path.len() > 100 {
        bytes.extend(header(b"././@LongLink", b'L', path.len() as u64 + 1, ""));
        append(&mut bytes, &[path, b"\0"].concat());
    }
    let mut block = [0_u8; 512];
    let short = &path[..path.len().min(100)];
    block[..short.len()].copy_from_slice(short);
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[156] = type_flag;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    bytes.extend(block);
    bytes
}

/// Writes a header's checksum.
pub(crate) fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
