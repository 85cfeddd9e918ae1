#pragma once

#include <atomic>
#include <cstdint>

namespace iscsid::lane {

// What was written through the disk of one logical unit and may sit in the unit's volatile cache
// only (SBC-4 §4.15). Kept by the lane's thread as requests end, read by any other: a removal asks
// afterwards whether a last flush that failed has cost anything. All counts are bytes.
class write_ledger {
  public:
    struct balance {
        std::uint64_t unflushed = 0; // answered, and not covered by a successful flush since
        std::uint64_t failed = 0;    // answered with an error, ever
        bool was_flushed = false;    // some flush has succeeded
        int flush_error = 0; // errno of the latest flush, 0: it succeeded, or there was none
    };

    // ---- the lane's thread ----

    // What a flush that starts now covers: only writes that ended before it was submitted.
    std::uint64_t mark() const { return completed_.load(std::memory_order_relaxed); }

    // `is_stable`: on the medium already, by FUA or for lack of a cache.
    void write_ended(std::uint64_t bytes, bool is_stable, int error) {
        if (error != 0)
            failed_.fetch_add(bytes, std::memory_order_relaxed);
        else if (!is_stable)
            completed_.fetch_add(bytes, std::memory_order_relaxed);
    }

    void flush_ended(std::uint64_t mark, int error) {
        flush_error_.store(error, std::memory_order_relaxed);
        if (error != 0)
            return;
        was_flushed_.store(true, std::memory_order_relaxed);
        if (mark > flushed_.load(std::memory_order_relaxed)) // flushes may end in any order
            flushed_.store(mark, std::memory_order_release);
    }

    // ---- any thread ----

    // Exact once the unit's requests have ended, as after the removal of its disk.
    balance now() const {
        const auto flushed = flushed_.load(std::memory_order_acquire);
        return {
            completed_.load(std::memory_order_relaxed) - flushed,
            failed_.load(std::memory_order_relaxed),
            was_flushed_.load(std::memory_order_relaxed),
            flush_error_.load(std::memory_order_relaxed)};
    }

  private:
    std::atomic<std::uint64_t> completed_{0};
    std::atomic<std::uint64_t> flushed_{0}; // of completed_
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<bool> was_flushed_{false};
    std::atomic<int> flush_error_{0};
};

} // namespace iscsid::lane
