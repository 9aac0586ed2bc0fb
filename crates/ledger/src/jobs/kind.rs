/// A kind of job: a constant beside the handler that does it.
///
/// ```
/// const COLLECT: ledger::jobs::Kind = ledger::jobs::Kind::new("collect");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    name: &'static str,
    payload_version: u32,
    attempts_max: u32,
    priority: u32,
}

impl Kind {
    /// Attempts of a job unless its kind says otherwise: with growing delays they span some three hours.
    const ATTEMPTS_MAX: u32 = 12;
    /// In the middle.
    const PRIORITY: u32 = 100;

    /// Returns the kind of this name, with payload version 1.
    pub const fn new(name: &'static str) -> Self {
        Self { name, payload_version: 1, attempts_max: Self::ATTEMPTS_MAX, priority: Self::PRIORITY }
    }

    /// Says which form payloads have; jobs of another version are not run.
    #[must_use]
    pub const fn payload_version(mut self, version: u32) -> Self {
        self.payload_version = version;
        self
    }

    /// Says how many attempts a job has, at least one.
    #[must_use]
    pub const fn attempts_max(mut self, attempts: u32) -> Self {
        assert!(attempts > 0, "a job has at least one attempt");
        self.attempts_max = attempts;
        self
    }

    /// Says which due jobs go first: those with the lower number. The default is 100.
    #[must_use]
    pub const fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// Returns its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) const fn version(&self) -> u32 {
        self.payload_version
    }

    pub(super) const fn attempts(&self) -> u32 {
        self.attempts_max
    }

    pub(super) const fn rank(&self) -> u32 {
        self.priority
    }
}
