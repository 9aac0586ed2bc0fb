//! Texts without what stood in them before. What is long and stands again, as the text of a vulnerability in advisories of many
//! publishers, is copied from there; what is left is [predicted](super::prediction), which takes its time.

use super::super::bytes::Corrupt;
use super::super::section::Section;
use super::super::write::TooLarge;
use super::column::{Column, Room, Values};

const SECTION: Section = Section::Details;

/// What stands for a repetition: no text in UTF-8 has this byte.
const MARK: u8 = 0xfe;

/// The shortest that is copied. What is shorter costs more to name than to predict.
const REPEATED_BYTES_MIN: usize = 64;

/// Places are remembered by the bytes that stand there, so many.
const KEY_BYTES: usize = 16;

/// At most so many places are remembered, in powers of two: 64 MiB of memory.
const PLACES_BITS_MAX: u32 = 24;

/// What is left, with a mark for each repetition; by how much each is longer than the shortest; where each stands: how far behind the end of
/// the one copied before, doubled, else how far before the mark, doubled and one more.
pub(super) struct Repeats {
    pub(super) left: Column,
    pub(super) lengths: Column,
    pub(super) places: Column,
}

/// Finds what stands again in bytes that have no mark.
pub(super) fn find(whole: &[u8]) -> Result<Repeats, TooLarge> {
    if u32::try_from(whole.len()).is_err() {
        return Err(TooLarge { section: SECTION });
    }
    let mut known = Known::of(whole);
    let mut found = Repeats { left: Column::new(), lengths: Column::new(), places: Column::new() };
    let (mut at, mut told, mut copied_end) = (0, 0, 0);
    while at + KEY_BYTES <= whole.len() {
        let Some((start, begin, end)) = known.replace(at).and_then(|place| longest(whole, place, at, told)) else {
            at += 1;
            continue;
        };
        found.left.extend(&whole[told..begin]);
        found.left.extend(&[MARK]);
        found.lengths.push_number((end - begin - REPEATED_BYTES_MIN) as u64);
        let behind = start.checked_sub(copied_end).map(|gap| (gap as u64) << 1);
        let before = ((begin - start) as u64) << 1 | 1;
        found.places.push_number(behind.filter(|behind| *behind < before).unwrap_or(before));
        copied_end = start + (end - begin);
        for place in at + 1..end.min(whole.len().saturating_sub(KEY_BYTES - 1)) {
            known.replace(place);
        }
        (at, told) = (end, end);
    }
    found.left.extend(&whole[told..]);
    Ok(found)
}

/// Returns where it stood before, where it begins and where it ends, if what stands at two places is long enough. What was told is told.
fn longest(whole: &[u8], place: usize, at: usize, told: usize) -> Option<(usize, usize, usize)> {
    let is_same = |(one, other): &(&u8, &u8)| one == other;
    let forth = whole[place..].iter().zip(&whole[at..]).take_while(is_same).count();
    let back = whole[..place].iter().rev().zip(whole[told..at].iter().rev()).take_while(is_same).count();
    (forth + back >= REPEATED_BYTES_MIN).then(|| (place - back, at - back, at + forth))
}

/// The last place of each key; of two whose keys fall together the later one.
struct Known<'a> {
    whole: &'a [u8],
    bits: u32,
    places: Vec<u32>,
}

impl<'a> Known<'a> {
    fn of(whole: &'a [u8]) -> Self {
        let bits = whole.len().next_power_of_two().ilog2().clamp(8, PLACES_BITS_MAX);
        Self { whole, bits, places: vec![u32::MAX; 1 << bits] }
    }

    /// Remembers a place, and returns the one before it.
    fn replace(&mut self, at: usize) -> Option<usize> {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&self.whole[at..at + KEY_BYTES]);
        let key = u128::from_le_bytes(key).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let slot = usize::try_from(key >> (128 - self.bits)).unwrap_or_default();
        let before = std::mem::replace(&mut self.places[slot], u32::try_from(at).unwrap_or(u32::MAX));
        usize::try_from(before).ok().filter(|_| before != u32::MAX)
    }
}

/// Returns the whole, which is no longer than there is room for.
pub(super) fn whole(repeats: &Repeats, mut room: Room) -> Result<Vec<u8>, Corrupt> {
    let form = || Corrupt::Form { section: SECTION };
    let (mut lengths, mut places) = (repeats.lengths.values(SECTION), repeats.places.values(SECTION));
    let mut whole = Vec::new();
    let mut copied_end = 0_usize;
    let mut pieces = repeats.left.as_bytes().split(|byte| *byte == MARK);
    if let Some(first) = pieces.next() {
        room.take(first.len())?;
        whole.extend_from_slice(first);
    }
    for piece in pieces {
        let length = usize::try_from(lengths.number()?).ok().and_then(|more| more.checked_add(REPEATED_BYTES_MIN));
        let length = length.ok_or_else(form)?;
        room.take(length)?;
        room.take(piece.len())?;
        let place = places.number()?;
        let distance = usize::try_from(place >> 1).map_err(|_| form())?;
        let start = if place & 1 == 0 { copied_end.checked_add(distance) } else { whole.len().checked_sub(distance) };
        let start = start.filter(|start| *start < whole.len()).ok_or_else(form)?;
        let (mut from, mut left) = (start, length);
        while left > 0 {
            // What is copied may reach into what comes of it.
            let now = left.min(whole.len() - from);
            whole.extend_from_within(from..from + now);
            (from, left) = (from + now, left - now);
        }
        copied_end = start.saturating_add(length);
        whole.extend_from_slice(piece);
    }
    [lengths, places].iter().try_for_each(Values::end)?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::header::Header;

    fn room(bytes: usize) -> Room {
        let mut sections = [const { 0..0 }; Section::ALL.len()];
        sections[SECTION as usize] = 0..bytes as u64;
        Room::of(&Header { version: 0, sums_crc: 0, length: 0, sections }, SECTION)
    }

    fn check(text: &str, expected_left: &[u8]) {
        let repeats = find(text.as_bytes()).unwrap();
        assert_eq!(repeats.left.as_bytes(), expected_left, "{text}");
        assert!(whole(&repeats, room(text.len())).unwrap() == text.as_bytes());
        if !text.is_empty() {
            assert!(whole(&repeats, room(text.len() - 1)).is_err());
        }
    }

    #[test]
    fn what_is_long_and_stands_again_is_copied() {
        let long = "A flaw of sixty-four bytes was found in the handling of widgets.";
        assert_eq!(long.len(), REPEATED_BYTES_MIN);
        let shorter = &long[1..];
        check("", b"");
        check("a", b"a");
        check(&format!("{long}1{long}2"), &[long.as_bytes(), b"1", &[MARK], b"2"].concat());
        // It reaches as far to both sides as it is the same, but not into what was copied, nor before the beginning.
        check(&format!("({long})1({long})2"), &[b"(", long.as_bytes(), b")1", &[MARK], b"2"].concat());
        check(&format!("{long}1{long}{long}2"), &[long.as_bytes(), b"1", &[MARK, MARK], b"2"].concat());
        check(&format!("1{shorter}2{shorter}3"), format!("1{shorter}2{shorter}3").as_bytes());
    }

    #[test]
    fn what_is_copied_may_reach_into_what_comes_of_it() {
        check(&"a".repeat(1000), &[b'a', MARK]);
        check(&format!("{}b", "ab\n".repeat(100)), &[b"ab\n", &[MARK][..], b"b"].concat());
    }

    #[test]
    fn what_cannot_be_copied_is_refused() {
        let told = |left: &[u8], lengths: &[u64], places: &[u64]| {
            let column = |numbers: &[u64]| {
                let mut column = Column::new();
                for number in numbers {
                    column.push_number(*number);
                }
                column
            };
            let left = Column::of(left.to_vec());
            whole(&Repeats { left, lengths: column(lengths), places: column(places) }, room(200))
                .map(|whole| whole.len())
        };
        let form = Err(Corrupt::Form { section: SECTION });
        assert_eq!(told(b"a\xfe", &[0], &[3]), Ok(65));
        assert_eq!(told(b"a\xfe", &[0], &[0]), Ok(65));
        assert_eq!(told(b"a\xfe", &[135], &[3]), Ok(200));
        // Too long, from where nothing is, and more or fewer than there are marks for.
        assert_eq!(told(b"a\xfe", &[136], &[3]), form);
        assert_eq!(told(b"a\xfe", &[u64::MAX], &[3]), form);
        for nowhere in [1, 2, 5, u64::MAX, u64::MAX - 1] {
            assert_eq!(told(b"a\xfe", &[0], &[nowhere]), form, "{nowhere}");
        }
        assert_eq!(told(b"\xfe", &[0], &[0]), form);
        assert_eq!(told(b"a\xfe", &[], &[3]), form);
        assert_eq!(told(b"a\xfe", &[0], &[]), form);
        assert_eq!(told(b"a", &[0], &[]), form);
        assert_eq!(told(b"a", &[], &[3]), form);
    }
}
