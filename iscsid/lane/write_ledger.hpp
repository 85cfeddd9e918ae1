#pragma once

#include <atomic>
#include <cstdint>

namespace iscsid::lane {

// Where a write is when it has been answered with GOOD.
enum class write_place : std::uint8_t {
    on_medium,     // by the FUA bit, or by a SYNCHRONIZE CACHE after it
    without_cache, // on the medium if it is true that the unit has no cache
    maybe_cached,  // the unit has, or may have, a volatile cache, or had one meanwhile
};

// What was written through the disk of one logical unit and may sit in the unit's volatile cache
// only (SBC-4 §4.15). Kept by the lane's thread as requests end, read by any other: a removal asks
// afterwards whether a last flush that failed has cost anything. All counts are bytes.
//
// A flush of a unit that has no cache may end at once only while is_flush_due() is false: a cache
// that was switched off has held what was written before, and nobody promises that it was emptied
// by that (SBC-3 §6.4.5 does so for MODE SELECT, but arrays switch by themselves).
class write_ledger {
  public:
    struct balance {
        std::uint64_t unflushed = 0; // answered, maybe cached, and not flushed successfully since
        std::uint64_t failed = 0;    // answered with an error, ever
        bool was_flushed = false;    // some flush has succeeded
        int flush_error = 0; // errno of the latest flush, 0: it succeeded, or there was none
    };

    // ---- the lane's thread ----

    // What a flush that starts now covers: only writes that ended before it was submitted.
    std::uint64_t mark() const { return completed_.load(std::memory_order_relaxed); }

    void write_ended(std::uint64_t bytes, write_place where, int error) {
        if (error != 0) {
            failed_.fetch_add(bytes, std::memory_order_relaxed);
            return;
        }
        ended_well_.fetch_add(1, std::memory_order_relaxed);
        if (where == write_place::on_medium)
            return;
        completed_.fetch_add(bytes, std::memory_order_relaxed);
        if (where == write_place::maybe_cached)
            doubt_cache();
    }

    // There is a cache, or there may be one, that nobody knew of: what was written without one may
    // be in it. What an earlier flush has covered stays covered.
    void doubt_cache() { cached_.store(mark(), std::memory_order_relaxed); }

    // The unit was written to by an earlier daemon: what that one knew of its cache is lost.
    void inherit() { is_inherited_.store(true, std::memory_order_relaxed); }

    // Something may be in a cache, whether there is one now or not.
    bool is_flush_due() const {
        return is_inherited_.load(std::memory_order_relaxed) ||
               cached_.load(std::memory_order_relaxed) > flushed_.load(std::memory_order_relaxed);
    }

    void flush_ended(std::uint64_t mark, int error) {
        flush_error_.store(error, std::memory_order_relaxed);
        if (error != 0)
            return;
        ended_well_.fetch_add(1, std::memory_order_relaxed);
        was_flushed_.store(true, std::memory_order_relaxed);
        is_inherited_.store(false, std::memory_order_relaxed);
        if (mark > flushed_.load(std::memory_order_relaxed)) // flushes may end in any order
            flushed_.store(mark, std::memory_order_release);
    }

    // ---- any thread ----

    // Exact once the unit's requests have ended, as after the removal of its disk.
    balance now() const {
        const auto flushed = flushed_.load(std::memory_order_acquire);
        const auto cached = cached_.load(std::memory_order_relaxed);
        return {
            cached > flushed ? cached - flushed : 0,
            failed_.load(std::memory_order_relaxed),
            was_flushed_.load(std::memory_order_relaxed),
            flush_error_.load(std::memory_order_relaxed)};
    }

    // Writes and flushes that have succeeded: grows while what the kernel still holds gets to the
    // unit.
    std::uint64_t ended_well() const { return ended_well_.load(std::memory_order_relaxed); }

  private:
    // Each counts from the beginning, so that one is compared with the other.
    std::atomic<std::uint64_t> completed_{0}; // answered and not known to be on the medium
    std::atomic<std::uint64_t> cached_{0};    // of completed_, up to the last that may be cached
    std::atomic<std::uint64_t> flushed_{0};   // of completed_, up to the last that was flushed
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<std::uint64_t> ended_well_{0};
    std::atomic<bool> was_flushed_{false};
    std::atomic<bool> is_inherited_{false};
    std::atomic<int> flush_error_{0};
};

} // namespace iscsid::lane
