#include "tests/unit/iscsid/lane/lun_queue_fixture.hpp"

#include <cerrno>
#include <numeric>

namespace iscsid::lane::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using kind = io_meter::kind;

TEST(latency_buckets, EachEndsWhereTheNextBegins) {
    for (std::size_t bucket = 0; bucket + 1 < latency_buckets::count; ++bucket) {
        const auto end = latency_buckets::end_of(bucket);
        EXPECT_EQ(latency_buckets::of(end - 1), bucket);
        EXPECT_EQ(latency_buckets::of(end), bucket + 1);
    }
    EXPECT_EQ(latency_buckets::of(~std::uint64_t{0}), latency_buckets::count - 1);
}

TEST(latency_buckets, AnEndIsAtMostAQuarterAboveWhatIsInIt) {
    for (std::uint64_t time = 4; time < 1'000'000; time += 1 + time / 7)
        EXPECT_LE(latency_buckets::end_of(latency_buckets::of(time)) * 4, time * 5 + 4) << time;
}

class io_meter_test : public lun_queue_fixture {
  protected:
    const io_meter& meter() const { return *shared.io(); }

    // In the bucket of this time, of this kind.
    std::uint64_t ended_after(kind which, microseconds time) const {
        const auto bucket = latency_buckets::of(static_cast<std::uint64_t>(time.count()));
        return meter().read(which).latencies.at(bucket);
    }
};

TEST_F(io_meter_test, CountsEachKindByItself) {
    read(1);
    write(2);
    zero(3);
    flush(4);
    EXPECT_EQ(meter().read(kind::read).in_flight, 1U);
    EXPECT_EQ(meter().read(kind::write).in_flight, 2U);
    EXPECT_EQ(meter().read(kind::flush).in_flight, 1U);
    while (!session.sent.empty())
        answer_good();
    EXPECT_EQ(meter().read(kind::write).in_flight, 0U);
    EXPECT_EQ(meter().read(kind::read).requests, 1U);
    EXPECT_EQ(meter().read(kind::read).bytes, memory.size());
    EXPECT_EQ(meter().read(kind::write).requests, 2U);
    EXPECT_EQ(meter().read(kind::write).bytes, 2 * memory.size());
    EXPECT_EQ(meter().read(kind::flush).requests, 1U);
    EXPECT_EQ(meter().read(kind::flush).bytes, 0U);
    EXPECT_EQ(meter().read(kind::discard).requests, 0U);
}

TEST_F(io_meter_test, MeasuresARequestFromItsSubmissionToItsEndWithItsRetries) {
    read(1);
    session.time += milliseconds(3);
    answer_status(scsi::status::busy);
    reach_deadline(); // 1 ms later
    session.time += milliseconds(2);
    answer_good();
    EXPECT_EQ(ended_after(kind::read, milliseconds(6)), 1U);
    const auto latencies = meter().read(kind::read).latencies;
    EXPECT_EQ(std::accumulate(latencies.begin(), latencies.end(), std::uint64_t{0}), 1U);
    EXPECT_EQ(meter().read(kind::read).time_us, 6000U);
}

TEST_F(io_meter_test, TellsCommandsThatTheSessionHasFromRequestsThatWait) {
    read(1);
    write(2);
    EXPECT_EQ(meter().commands(), 2U);
    answer_status(scsi::status::busy);
    EXPECT_EQ(meter().commands(), 1U) << "the other waits for its next try";
    EXPECT_EQ(meter().read(kind::read).in_flight, 1U);
    while (!session.sent.empty())
        answer_good();
    EXPECT_EQ(meter().commands(), 0U);
}

TEST_F(io_meter_test, AFailureIsCountedWithoutItsBytes) {
    write(1);
    session.time += milliseconds(9);
    while (!session.sent.empty())
        answer_sense(0x3, 0x0c, 0x00); // WRITE ERROR
    ASSERT_NE(ended.at(1), 0);
    EXPECT_EQ(meter().read(kind::write).requests, 1U);
    EXPECT_EQ(meter().read(kind::write).failed, 1U);
    EXPECT_EQ(meter().read(kind::write).bytes, 0U);
    EXPECT_EQ(ended_after(kind::write, milliseconds(9)), 1U);
    EXPECT_EQ(meter().read(kind::write).in_flight, 0U);
}

TEST_F(io_meter_test, ARequestThatEndsWithItsSessionIsNoLongerInFlight) {
    const auto kept = shared.io();
    read(1);
    queue.session_gone();
    EXPECT_EQ(ended.at(1), ENOLINK);
    EXPECT_EQ(kept->read(kind::read).in_flight, 0U);
    EXPECT_EQ(kept->read(kind::read).failed, 1U);
}

} // namespace
} // namespace iscsid::lane::test
