/// What a reader takes at most. [`Limits::default`] is for documents of strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document.
    pub document_bytes: usize,
    /// Components, nested ones included.
    pub components: usize,
    /// Edges, those that come to nothing included.
    pub edges: usize,
    /// Components inside components.
    pub nesting: usize,
    /// Bytes of one text. A longer one is dropped and reported.
    pub string_bytes: usize,
}

impl Limits {
    /// The largest documents in the wild are product inventories of about 50 MB.
    pub const DOCUMENT_BYTES_MAX: usize = 256 << 20;
    /// The largest images have some 30,000 components.
    pub const COMPONENTS_MAX: usize = 500_000;
    /// Lockfiles have about four edges a component.
    pub const EDGES_MAX: usize = 4_000_000;
    /// Jars in jars and products of products stay under ten. Each level passes over the bytes of those below it.
    pub const NESTING_MAX: usize = 16;
    /// Licence texts end up where names belong; the longest of those that are one licence has about 50 kB.
    pub const STRING_BYTES_MAX: usize = 64 << 10;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: Self::DOCUMENT_BYTES_MAX,
            components: Self::COMPONENTS_MAX,
            edges: Self::EDGES_MAX,
            nesting: Self::NESTING_MAX,
            string_bytes: Self::STRING_BYTES_MAX,
        }
    }
}
