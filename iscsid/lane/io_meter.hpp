#pragma once

#include "iscsid/lane/request.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace iscsid::lane {

// Latencies in buckets: four to each power of two, so that a bound of a bucket is at most a quarter
// above what is in it. From 1 us to 18 minutes; what is longer is in the last one.
struct latency_buckets {
    static constexpr std::size_t count = 116;

    static constexpr std::size_t of(std::uint64_t microseconds) {
        if (microseconds < 4)
            return microseconds;
        const auto octave = std::bit_width(microseconds) - 1;
        const auto quarter = (microseconds >> (octave - 2)) & 3;
        return std::min((octave - 1) * 4 + quarter, count - 1);
    }

    // All that is in the bucket is below this many microseconds, but for the last one.
    static constexpr std::uint64_t end_of(std::size_t bucket) {
        const std::size_t next = bucket + 1;
        if (next < 4)
            return next;
        return (4 + std::uint64_t{next % 4}) << (next / 4 - 1);
    }
};

static_assert(latency_buckets::of(0) == 0 && latency_buckets::of(7) == 7);
static_assert(latency_buckets::end_of(latency_buckets::of(1000)) > 1000);
static_assert(latency_buckets::end_of(latency_buckets::of(1000)) <= 1250);

// What was asked of one logical unit by its disks and clients, and how long it took: from the
// submission of a request to its end, so with the time that it waited for a connection, for the
// identity of its unit or for a free slot, and with its retries. Kept by the lane's thread, read by
// any other, from the first request of the session on. write_zeroes counts as a write.
class io_meter {
  public:
    // One kind of request: what is under way, and what has ended.
    struct figures {
        std::uint64_t in_flight = 0;
        std::uint64_t requests = 0;
        std::uint64_t failed = 0;  // of them, with an error
        std::uint64_t bytes = 0;   // of those that went well
        std::uint64_t time_us = 0; // from submission to end, of all that have ended
        std::array<std::uint64_t, latency_buckets::count> latencies{};
    };

    enum class kind : std::uint8_t { read, write, flush, discard };
    static constexpr std::size_t kinds = 4;

    static constexpr kind kind_of(operation op) {
        switch (op) {
        case operation::read:
            return kind::read;
        case operation::flush:
            return kind::flush;
        case operation::discard:
            return kind::discard;
        case operation::write:
        case operation::write_zeroes:
            break;
        }
        return kind::write;
    }

    // ---- the lane's thread ----

    void begin(operation op) { add(of(op).in_flight, 1); }

    void end(const block_request& what, std::chrono::steady_clock::duration took, int error) {
        counters& to = of(what.op);
        add(to.in_flight, minus_one);
        add(to.requests, 1);
        if (error != 0)
            add(to.failed, 1);
        else if (what.op != operation::flush)
            add(to.bytes, what.length);
        using std::chrono::microseconds;
        const auto time = std::chrono::duration_cast<microseconds>(took).count();
        const auto not_negative = static_cast<std::uint64_t>(std::max<std::int64_t>(time, 0));
        add(to.time_us, not_negative);
        add(to.latencies[latency_buckets::of(not_negative)], 1);
    }

    // How many commands the session has, of all kinds together: sent, or kept for a connection.
    // Requests that are under way and have none wait here.
    void commands_are(std::size_t count) { commands_.store(count, relaxed); }

    // ---- any thread ----

    std::uint64_t commands() const { return commands_.load(relaxed); }

    // Counters that were read while requests end may differ by those.
    figures read(kind which) const {
        const counters& of = all_[static_cast<std::size_t>(which)];
        figures seen;
        seen.in_flight = of.in_flight.load(relaxed);
        seen.requests = of.requests.load(relaxed);
        seen.failed = of.failed.load(relaxed);
        seen.bytes = of.bytes.load(relaxed);
        seen.time_us = of.time_us.load(relaxed);
        for (std::size_t i = 0; i < latency_buckets::count; ++i)
            seen.latencies[i] = of.latencies[i].load(relaxed);
        return seen;
    }

  private:
    using counter = std::atomic<std::uint64_t>;
    static constexpr auto relaxed = std::memory_order_relaxed;

    struct counters {
        counter in_flight{0}, requests{0}, failed{0}, bytes{0}, time_us{0};
        std::array<counter, latency_buckets::count> latencies{};
    };

    static constexpr std::uint64_t minus_one = ~std::uint64_t{0};

    counters& of(operation op) { return all_[static_cast<std::size_t>(kind_of(op))]; }

    // One thread writes: no locked instruction is needed.
    static void add(counter& to, std::uint64_t what) { to.store(to.load(relaxed) + what, relaxed); }

    std::array<counters, kinds> all_{};
    counter commands_{0};
};

} // namespace iscsid::lane
