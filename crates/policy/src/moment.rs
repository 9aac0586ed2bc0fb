/// A moment, in seconds since 1970 (UTC).
pub type Time = i64;

/// The seconds of a day.
pub(crate) const DAY: Time = 24 * 60 * 60;

/// Returns a moment of RFC 3339; a date alone is its first moment (UTC).
pub fn parse_moment(text: &str) -> Option<Time> {
    let text = text.trim();
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && text.len() == "2027-01-31".len()
    {
        return jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().map(jiff::Timestamp::as_second);
    }
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// Writes a moment: its date where it is the first moment of one.
pub fn write_moment(time: Time) -> String {
    match jiff::Timestamp::from_second(time) {
        Ok(moment) if time.rem_euclid(DAY) == 0 => moment.strftime("%Y-%m-%d").to_string(),
        Ok(moment) => moment.to_string(),
        Err(_) => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_first_moment() {
        for (text, expected) in [
            ("", None),
            ("tomorrow", None),
            ("2021-02-30", None),
            ("1970-01-02T00:00:00", None),
            ("19700102", None),
            ("1970-01-02", Some(DAY)),
            ("1970-01-02T00:00:01Z", Some(DAY + 1)),
            ("1970-01-02T01:00:00+01:00", Some(DAY)),
        ] {
            let time = parse_moment(text);
            assert_eq!(time, expected, "{text}");
            assert_eq!(time.and_then(|time| parse_moment(&write_moment(time))), expected, "{text}");
        }
        assert_eq!(write_moment(DAY), "1970-01-02");
        assert_eq!(write_moment(1), "1970-01-01T00:00:01Z");
    }
}
