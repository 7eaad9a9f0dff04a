//! The C library keeps threads ready to be cancelled (pthreads(7)), which nobody here does.

/// Spares this thread's waits two atomic operations each, by making sure that it is never cancelled.
///
/// A thread that may be cancelled in certain calls only, as is the default, notes in each such call that it is in there: many a
/// glibc before 2.41 does so atomically, before it and behind it, in a process with threads. One whose type says "at any time"
/// has nothing to note; and since cancellation is disabled first, it never is at any.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn never_cancelled() {
    cancellation();
}

/// Nothing to be spared with this C library.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn never_cancelled() {}

/// Disables cancellation of this thread and sets its type; returns what state and type were.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn cancellation() -> (libc::c_int, libc::c_int) {
    unsafe extern "C" {
        fn pthread_setcancelstate(state: libc::c_int, old: *mut libc::c_int) -> libc::c_int;
        fn pthread_setcanceltype(kind: libc::c_int, old: *mut libc::c_int) -> libc::c_int;
    }
    // Constants of glibc that the crate `libc` does not name.
    const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;
    const PTHREAD_CANCEL_ASYNCHRONOUS: libc::c_int = 1;
    let (mut state, mut kind) = (0, 0);
    // SAFETY: each writes one integer, and is for the calling thread alone. Nothing is interrupted anywhere: a cancellation
    // that someone asks for stays pending while it is disabled, and nobody enables it again.
    unsafe {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut state);
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &mut kind);
    }
    (state, kind)
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn is_for_the_calling_thread() {
        let worker = std::thread::spawn(|| {
            never_cancelled();
            cancellation()
        });
        assert_eq!(worker.join().unwrap(), (1, 1));
        let other = std::thread::spawn(cancellation);
        assert_eq!(other.join().unwrap(), (0, 0));
    }
}
