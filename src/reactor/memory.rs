//! What the allocator holds free goes back to the system.

/// Gives back the pages that are free in the allocator, those of all threads; true when there were any.
///
/// glibc's keeps what threads have freed below their last allocation, mostly for good. This looks through all that is free and
/// holds up other threads' allocations meanwhile, a millisecond or two for some megabytes: for after a start or a peak.
/// Other allocators decide for themselves; nothing is done then.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub fn give_back() -> bool {
    // SAFETY: it may be called at any time from any thread, and takes the allocator's own locks.
    unsafe { libc::malloc_trim(0) == 1 }
}

/// Nothing to be done with this allocator.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() -> bool {
    false
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// Bytes of this process that are resident.
    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    /// Far more than other tests have at a time.
    #[test]
    fn what_lies_below_something_in_use_goes_back() {
        const PIECES: usize = 96 << 10;
        let mut pieces: Vec<Box<[u8; 1024]>> = (0..PIECES).map(|_| Box::new([1; 1024])).collect();
        let last = pieces.pop();
        let before = resident();
        pieces.clear();
        assert!(give_back());
        let after = resident();
        assert!(before - after > PIECES * 512, "{before} bytes before, {after} after");
        drop(last);
    }
}
