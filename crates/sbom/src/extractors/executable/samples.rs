//! Small executables for tests.

/// Returns a program for Linux on amd64 that has nothing but these sections.
pub(crate) fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    const HEADER_BYTES: usize = 64;
    let mut names = vec![0];
    let mut data = Vec::new();
    let mut headers = vec![[0; 64]];
    let mut add = |name: &str, kind: u32, bytes: &[u8]| {
        data.resize(usize::next_multiple_of(data.len(), 16), 0);
        let mut header = [0; 64];
        header[..4].copy_from_slice(&(names.len() as u32).to_le_bytes());
        header[4..8].copy_from_slice(&kind.to_le_bytes());
        header[24..32].copy_from_slice(&((HEADER_BYTES + data.len()) as u64).to_le_bytes());
        header[48] = 4;
        names.extend(name.as_bytes());
        names.push(0);
        let bytes = if name == ".shstrtab" { names.clone() } else { bytes.to_vec() };
        header[32..40].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        data.extend(bytes);
        headers.push(header);
    };
    for (name, bytes) in sections {
        add(name, if name.starts_with(".note") { 7 } else { 1 }, bytes);
    }
    add(".shstrtab", 3, &[]);

    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend([2_u16, 62].map(u16::to_le_bytes).concat());
    elf.extend(1_u32.to_le_bytes());
    elf.extend([0, 0, (HEADER_BYTES + data.len()) as u64].map(u64::to_le_bytes).concat());
    elf.extend(0_u32.to_le_bytes());
    elf.extend(
        [HEADER_BYTES as u16, 0, 0, 64, headers.len() as u16, headers.len() as u16 - 1].map(u16::to_le_bytes).concat(),
    );
    elf.extend(data);
    elf.extend(headers.concat());
    elf
}

/// Returns a managed library (PE32) whose version resource has these strings.
pub(crate) fn assembly(strings: &[(&str, &str)]) -> Vec<u8> {
    const RESOURCES: usize = 0x200;
    let version = super::pe::samples::version_resource(strings);
    let mut pe = b"MZ".to_vec();
    pe.resize(60, 0);
    pe.extend(64_u32.to_le_bytes());
    pe.extend(b"PE\0\0");
    pe.extend([0x14c_u16, 1].map(u16::to_le_bytes).concat());
    pe.extend([0; 12]);
    pe.extend([224_u16, 0x2000].map(u16::to_le_bytes).concat());
    let optional = pe.len();
    pe.resize(optional + 224, 0);
    pe[optional..optional + 2].copy_from_slice(&0x10b_u16.to_le_bytes());
    let mut put = |at: usize, value: u32| pe[optional + at..optional + at + 4].copy_from_slice(&value.to_le_bytes());
    put(92, 16);
    put(96 + 2 * 8, 0x1000);
    put(96 + 2 * 8 + 4, 0x1000);
    put(96 + 14 * 8, 0x2000);
    put(96 + 14 * 8 + 4, 72);
    let size = (version.len() + 88) as u32;
    pe.extend(b".rsrc\0\0\0");
    pe.extend([size, 0x1000, size, RESOURCES as u32, 0, 0, 0, 0x4000_0040].map(u32::to_le_bytes).concat());
    pe.resize(RESOURCES, 0);
    for (id, target) in [(16, 0x8000_0018), (1, 0x8000_0030), (0, 0x48)] {
        pe.extend([0; 12]);
        pe.extend([0_u16, 1].map(u16::to_le_bytes).concat());
        pe.extend([id, target].map(u32::to_le_bytes).concat());
    }
    pe.extend([0x1000 + 88, version.len() as u32, 0, 0].map(u32::to_le_bytes).concat());
    pe.extend(version);
    pe
}
