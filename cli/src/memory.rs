//! How the C library's allocator treats the large, short-lived buffers of a receiver.

/// Blocks of this size and more are returned to the system when they are freed.
const LARGE: i32 = 4 << 20;

/// Free memory up to this size is kept, so that the buffers of one request
/// after the other do not fault in the same pages again and again.
const KEPT: i32 = 16 << 20;

/// Large blocks go back to the system at once, for good. Left alone, glibc
/// raises its limit to the largest block it has seen freed, and keeps the
/// rest: under lines of 20 MiB the receiver grew beyond its memory bound.
pub(crate) fn return_large_blocks() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "there is no safe way to set it; measured in tests/hostile")]
    // SAFETY: mallopt has no preconditions but that no other thread allocates
    // meanwhile, and this is called before any thread is started.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}
