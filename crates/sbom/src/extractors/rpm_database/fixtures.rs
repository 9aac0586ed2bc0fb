//! Headers and databases for tests, written as the formats have them.

use super::header;

/// The values of a tag.
pub(crate) enum Value<'a> {
    Text(&'a str),
    Texts(&'a [&'a str]),
    Numbers(&'a [u32]),
    ShortNumbers(&'a [u16]),
    Bytes(&'a [u8]),
}

/// A header with these tags.
pub(crate) fn header(tags: &[(u32, Value<'_>)]) -> Vec<u8> {
    let mut index = Vec::new();
    let mut data = Vec::new();
    for (tag, value) in tags {
        let offset = data.len();
        let (kind, count) = match value {
            Value::Text(text) => {
                data.extend_from_slice(text.as_bytes());
                data.push(0);
                (header::TYPE_STRING, 1)
            }
            Value::Texts(texts) => {
                texts.iter().for_each(|text| data.extend([text.as_bytes(), &[0]].concat()));
                (header::TYPE_STRING_ARRAY, texts.len())
            }
            Value::Numbers(numbers) => {
                numbers.iter().for_each(|number| data.extend(number.to_be_bytes()));
                (header::TYPE_INT32, numbers.len())
            }
            Value::ShortNumbers(numbers) => {
                numbers.iter().for_each(|number| data.extend(number.to_be_bytes()));
                (header::TYPE_INT16, numbers.len())
            }
            Value::Bytes(bytes) => {
                data.extend_from_slice(bytes);
                (header::TYPE_BIN, bytes.len())
            }
        };
        for number in [*tag, kind, offset as u32, count as u32] {
            index.extend(number.to_be_bytes());
        }
    }
    [&(tags.len() as u32).to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), &index, &data].concat()
}

/// A package of which little is known.
pub(crate) fn package(name: &str, extra: Vec<(u32, Value<'_>)>) -> Vec<u8> {
    let mut tags = vec![
        (header::TAG_NAME, Value::Text(name)),
        (header::TAG_VERSION, Value::Text("1")),
        (header::TAG_RELEASE, Value::Text("2")),
    ];
    tags.extend(extra);
    header(&tags)
}

/// An ndb database.
pub(crate) fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let mut slots = Vec::new();
    let mut blobs = Vec::new();
    for (index, header) in headers.iter().enumerate() {
        let package = index as u32 + 1;
        let offset_blocks = (4096 + blobs.len() as u32) / 16;
        let blocks = (16 + header.len() as u32 + 12).div_ceil(16);
        slots.extend_from_slice(b"Slot");
        slots.extend([package, offset_blocks, blocks].iter().flat_map(|number| number.to_le_bytes()));
        blobs.extend_from_slice(b"BlbS");
        blobs.extend([package, 0, header.len() as u32].iter().flat_map(|number| number.to_le_bytes()));
        blobs.extend_from_slice(header);
        blobs.resize(blobs.len().next_multiple_of(16), 0);
        blobs.resize(blobs.len() + 16, 0);
    }
    while slots.len() < 4096 - 32 {
        slots.extend_from_slice(b"Slot");
        slots.extend_from_slice(&[0; 12]);
    }
    let mut database = b"RpmP".to_vec();
    let head: [u32; 7] = [0, 1, 1, headers.len() as u32 + 1, 0, 0, 0];
    database.extend(head.iter().flat_map(|number| number.to_le_bytes()));
    [database, slots, blobs].concat()
}

/// A Berkeley DB with one hash page. Small headers are in it, larger ones on pages of their own.
pub(crate) fn berkeley(headers: &[Vec<u8>], is_big_endian: bool) -> Vec<u8> {
    const PAGE: usize = 4096;
    let long = |number: u32| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let short = |number: u16| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    // The number that the next package gets stands under the key zero.
    let mut items = vec![vec![1, 0, 0, 0, 0], [vec![1], long(9).to_vec()].concat()];
    let mut overflow: Vec<Vec<u8>> = Vec::new();
    for (index, header) in headers.iter().enumerate() {
        items.push([vec![1], long(index as u32 + 1).to_vec()].concat());
        if header.len() < 1000 {
            items.push([vec![1], header.clone()].concat());
            continue;
        }
        items.push(
            [vec![3, 0, 0, 0], long(2 + overflow.len() as u32).to_vec(), long(header.len() as u32).to_vec()].concat(),
        );
        let parts: Vec<&[u8]> = header.chunks(PAGE - 26).collect();
        for (position, part) in parts.iter().enumerate() {
            let number = 2 + overflow.len() as u32;
            let next = if position + 1 == parts.len() { 0 } else { number + 1 };
            let mut page = vec![0; PAGE];
            page[8..12].copy_from_slice(&long(number));
            page[16..20].copy_from_slice(&long(next));
            page[22..24].copy_from_slice(&short(part.len() as u16));
            page[25] = 7;
            page[26..26 + part.len()].copy_from_slice(part);
            overflow.push(page);
        }
    }
    let mut meta = vec![0; PAGE];
    meta[12..16].copy_from_slice(&long(0x0006_1561));
    meta[20..24].copy_from_slice(&long(PAGE as u32));
    meta[25] = 8;
    meta[32..36].copy_from_slice(&long(1 + overflow.len() as u32));
    let mut page = vec![0; PAGE];
    page[20..22].copy_from_slice(&short(items.len() as u16));
    page[25] = 13;
    let mut end = PAGE;
    for (index, item) in items.iter().enumerate() {
        end -= item.len();
        page[end..end + item.len()].copy_from_slice(item);
        page[26 + 2 * index..28 + 2 * index].copy_from_slice(&short(end as u16));
    }
    [vec![meta, page], overflow].concat().concat()
}

/// An SQLite database whose table has an inner page and a leaf for each header, with overflow pages where headers are large.
pub(crate) fn sqlite(headers: &[Vec<u8>]) -> Vec<u8> {
    const PAGE: usize = 4096;
    let text = |text: &str| (13 + 2 * text.len() as u64, text.as_bytes().to_vec());
    let schema = record(&[
        text("table"),
        text("Packages"),
        text("Packages"),
        (1, vec![2]),
        text("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)"),
    ]);
    let mut first = leaf(100, &[varint(schema.len() as u64), varint(1), schema].concat());
    first[..16].copy_from_slice(super::sqlite::MAGIC);
    first[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());

    let mut inner = vec![0; PAGE];
    inner[0] = 5;
    inner[3..5].copy_from_slice(&(headers.len() as u16 - 1).to_be_bytes());
    let mut rest: Vec<Vec<u8>> = Vec::new();
    let mut end = PAGE;
    for (index, header) in headers.iter().enumerate() {
        let payload = record(&[(0, Vec::new()), (12 + 2 * header.len() as u64, header.clone())]);
        let local = local_bytes(payload.len());
        let number = 3 + rest.len() as u32;
        let mut cell = [varint(payload.len() as u64), varint(index as u64 + 1), payload[..local].to_vec()].concat();
        if local < payload.len() {
            cell.extend((number + 1).to_be_bytes());
        }
        rest.push(leaf(0, &cell));
        let parts: Vec<&[u8]> = payload[local..].chunks(PAGE - 4).collect();
        for (position, part) in parts.iter().enumerate() {
            let next = if position + 1 == parts.len() { 0 } else { 4 + rest.len() as u32 };
            let mut page = [&next.to_be_bytes()[..], part].concat();
            page.resize(PAGE, 0);
            rest.push(page);
        }
        if index + 1 == headers.len() {
            inner[8..12].copy_from_slice(&number.to_be_bytes());
        } else {
            let cell = [number.to_be_bytes().to_vec(), varint(index as u64 + 1)].concat();
            end -= cell.len();
            inner[end..end + cell.len()].copy_from_slice(&cell);
            inner[12 + 2 * index..14 + 2 * index].copy_from_slice(&(end as u16).to_be_bytes());
        }
    }
    [vec![first, inner], rest].concat().concat()
}

fn local_bytes(length: usize) -> usize {
    let (most, least) = (4096 - 35, (4096 - 12) * 32 / 255 - 23);
    let wanted = least + (length.max(least) - least) % (4096 - 4);
    if length <= most {
        length
    } else if wanted <= most {
        wanted
    } else {
        least
    }
}

fn leaf(start: usize, cell: &[u8]) -> Vec<u8> {
    let mut page = vec![0; 4096];
    let at = 4096 - cell.len();
    page[start] = 13;
    page[start + 3..start + 5].copy_from_slice(&1_u16.to_be_bytes());
    page[start + 8..start + 10].copy_from_slice(&(at as u16).to_be_bytes());
    page[at..].copy_from_slice(cell);
    page
}

fn record(columns: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let types: Vec<u8> = columns.iter().flat_map(|(kind, _)| varint(*kind)).collect();
    let values: Vec<u8> = columns.iter().flat_map(|(_, value)| value.clone()).collect();
    [varint(types.len() as u64 + 1), types, values].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7f) as u8];
    while value > 0x7f {
        value >>= 7;
        bytes.insert(0, (value & 0x7f) as u8 | 0x80);
    }
    bytes
}
