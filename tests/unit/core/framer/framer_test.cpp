#include "libiscsi/core/pdu/digest.hpp"
#include "libiscsi/core/pdu/framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace iscsi {
namespace {

using buffer = std::vector<std::byte>;

buffer pattern(std::size_t size) {
    buffer bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>((i * 7 + i / 256) & 0xffU);
    return bytes;
}

struct form {
    framing_rules rules;
    std::uint32_t ahs_words = 0;
};

// One PDU as it stands on the wire.
buffer on_wire(const buffer& data, const form& how = {}) {
    basic_header header;
    encode(target_pdu{nop_in{}}, static_cast<std::uint32_t>(data.size()), header);
    header[4] = static_cast<std::byte>(how.ahs_words);
    buffer bytes(header.begin(), header.end());
    bytes.resize(bytes.size() + how.ahs_words * 4U, std::byte{0xa5});
    if (how.rules.header_digest) {
        const auto crc = crc32c(bytes);
        bytes.resize(bytes.size() + 4);
        store_digest(bytes.data() + bytes.size() - 4, crc);
    }
    buffer padded = data;
    padded.resize(
        data.size() + padding_of(static_cast<std::uint32_t>(data.size())), std::byte{0xff}
    );
    bytes.insert(bytes.end(), padded.begin(), padded.end());
    if (how.rules.data_digest && !data.empty()) {
        bytes.resize(bytes.size() + 4);
        store_digest(bytes.data() + bytes.size() - 4, crc32c(padded));
    }
    return bytes;
}

enum class wish { keep, place, discard };

// Feeds a stream in pieces and gathers the data segments that come out.
struct reader {
    explicit reader(std::size_t staging, const framing_rules& rules = {}) : cutter(staging) {
        cutter.adopt(rules);
    }

    result<void> feed(bytes_view bytes, std::size_t piece) {
        while (!bytes.empty()) {
            const auto given = hand_over(bytes.first(std::min(piece, bytes.size())));
            bytes = bytes.subspan(given);
            cutter.received(given);
            if (auto done = take_all(); done.has_error())
                return done;
        }
        return {};
    }

    std::size_t hand_over(bytes_view bytes) {
        std::size_t given = 0;
        for (const auto part : cutter.read_plan()) {
            const auto size = std::min(part.size(), bytes.size() - given);
            std::copy_n(bytes.data() + given, size, part.data());
            given += size;
        }
        return given;
    }

    result<void> take_all() {
        for (;;) {
            const auto step = cutter.next();
            if (step.has_error())
                return step.error();
            if (*step == framing::starved)
                return {};
            if (*step == framing::header)
                decide();
            else
                conclude();
        }
    }

    void decide() {
        ++headers;
        if (how == wish::place) {
            room.assign(cutter.segment_length(), std::byte{0});
            cutter.place(room);
        }
        if (how == wish::discard)
            cutter.discard();
    }

    void conclude() {
        const auto kept = cutter.kept_segment();
        if (how == wish::keep)
            room.assign(kept.begin(), kept.end());
        segments.push_back(room);
        room.clear();
    }

    framer cutter;
    wish how = wish::keep;
    buffer room;
    std::size_t headers = 0;
    std::vector<buffer> segments;
};

boost::system::error_code code(wire_errc value) {
    return to_error_code(value);
}

// Every combination of digests, AHS, destiny of the data and size of the pieces.
class framer_cut : public testing::TestWithParam<std::tuple<bool, bool, unsigned, wish>> {};

void expect_segments(const std::vector<buffer>& data, const form& as, wish how, std::size_t piece) {
    buffer stream;
    for (const auto& each : data) {
        const auto bytes = on_wire(each, as);
        stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    reader in(4096, as.rules);
    in.how = how;
    ASSERT_TRUE(in.feed(stream, piece)) << piece;
    ASSERT_EQ(in.segments.size(), data.size()) << piece;
    EXPECT_EQ(in.headers, data.size());
    for (std::size_t i = 0; how != wish::discard && i < data.size(); ++i)
        EXPECT_EQ(in.segments[i], data[i]) << "piece " << piece << ", segment " << i;
}

TEST_P(framer_cut, gives_the_same_segments_however_the_stream_is_cut) {
    const auto [header_digest, data_digest, ahs_words, how] = GetParam();
    const form as{{header_digest, data_digest, 100'000}, ahs_words};
    const std::vector<buffer> data{
        {}, pattern(1), pattern(2), pattern(3), pattern(4), pattern(5000), {}, pattern(20'001)};
    for (const std::size_t piece : {1UL, 2UL, 3UL, 47UL, 48UL, 49UL, 511UL, 4096UL, 1'000'000UL})
        expect_segments(data, as, how, piece);
}

TEST_P(framer_cut, gives_large_segments_among_small_ones) {
    const auto [header_digest, data_digest, ahs_words, how] = GetParam();
    const form as{{header_digest, data_digest, 200'000}, ahs_words};
    const std::vector<buffer> data{
        pattern(140'001),
        {},
        pattern(131'072),
        pattern(7),
        {},
        pattern(100),
        pattern(9),
        pattern(199'999)};
    for (const std::size_t piece : {211UL, 1023UL, 4096UL, 1'000'000UL})
        expect_segments(data, as, how, piece);
}

INSTANTIATE_TEST_SUITE_P(
    all,
    framer_cut,
    testing::Combine(
        testing::Bool(),
        testing::Bool(),
        testing::Values(0U, 1U, 255U),
        testing::Values(wish::keep, wish::place, wish::discard)
    )
);

TEST(framer, receives_the_unstaged_rest_straight_into_its_place) {
    framer cutter(4096);
    cutter.adopt({false, false, 200'000});
    const auto data = pattern(10'000);
    const auto stream = on_wire(data);
    const auto staging = cutter.read_plan();
    ASSERT_EQ(staging.size(), 1U);
    std::copy_n(stream.begin(), 48 + 100, staging[0].begin());
    cutter.received(48 + 100);
    ASSERT_EQ(cutter.next().value(), framing::header);
    buffer room(data.size());
    cutter.place(room);
    ASSERT_EQ(cutter.next().value(), framing::starved);

    const auto plan = cutter.read_plan();
    ASSERT_EQ(plan.size(), 2U); // the rest of the buffer, then staging
    EXPECT_EQ(plan[0].data(), room.data() + 100);
    EXPECT_EQ(plan[0].size(), 9'900U);
    EXPECT_GE(plan[1].size(), 4096U);
}

// Bytes of the staging area that may be read into now.
std::size_t room_to_stage(framer& cutter) {
    return cutter.read_plan().back().size();
}

// What is staged of a large segment is copied once more, so no more than its surroundings are.
TEST(framer, stages_little_while_segments_are_large) {
    constexpr std::size_t staging = 65'536;
    reader in(staging, {false, false, 200'000});
    in.how = wish::place;
    EXPECT_EQ(room_to_stage(in.cutter), staging);
    ASSERT_TRUE(in.feed(on_wire(pattern(140'000)), 1'000'000));
    EXPECT_EQ(room_to_stage(in.cutter), 1024U); // before a header

    const auto next = on_wire(pattern(140'000));
    ASSERT_TRUE(in.feed(bytes_view(next).first(48 + 100), 1'000'000));
    const auto plan = in.cutter.read_plan();
    ASSERT_EQ(plan.size(), 2U);
    EXPECT_EQ(plan[0].size(), 139'900U);
    EXPECT_EQ(plan[1].size(), 1024U); // behind a segment
    ASSERT_TRUE(in.feed(bytes_view(next).subspan(48 + 100), 1'000'000));

    for (int i = 0; i < 2; ++i) // as Responses between them
        ASSERT_TRUE(in.feed(on_wire({}), 48));
    EXPECT_EQ(room_to_stage(in.cutter), 1024U);
    ASSERT_TRUE(in.feed(on_wire(pattern(4096)), 1'000'000));
    EXPECT_EQ(room_to_stage(in.cutter), staging);
}

TEST(framer, reads_a_large_segment_without_a_place_in_large_pieces) {
    constexpr std::size_t staging = 300'000;
    for (const auto destiny : {wish::keep, wish::discard}) {
        reader in(staging, {false, false, 200'000});
        in.how = destiny;
        ASSERT_TRUE(in.feed(on_wire(pattern(140'000)), 1'000'000));
        ASSERT_TRUE(in.feed(bytes_view(on_wire(pattern(140'000))).first(48), 48));
        EXPECT_GE(room_to_stage(in.cutter), staging / 2);
    }
}

TEST(framer, forgets_large_segments_with_their_connection) {
    constexpr std::size_t staging = 65'536;
    reader in(staging, {false, false, 200'000});
    ASSERT_TRUE(in.feed(on_wire(pattern(140'000)), 1'000'000));
    EXPECT_LT(room_to_stage(in.cutter), staging);
    in.cutter.restart();
    EXPECT_EQ(room_to_stage(in.cutter), staging);
}

TEST(framer, takes_a_segment_of_the_longest_length_and_none_longer) {
    for (const auto destiny : {wish::keep, wish::place}) {
        reader in(4096);
        in.how = destiny;
        ASSERT_TRUE(in.feed(on_wire(pattern(8192)), 1000));
        EXPECT_EQ(in.segments.at(0), pattern(8192));
        const auto refused = in.feed(on_wire(pattern(8193)), 48);
        ASSERT_TRUE(refused.has_error());
        EXPECT_EQ(refused.error().code, code(wire_errc::data_segment_too_long));
        EXPECT_EQ(refused.error().got, "8193");
        EXPECT_EQ(in.headers, 1U);
    }
}

TEST(framer, refuses_one_wrong_bit_under_a_digest) {
    const form as{{true, true, 8192}, 2};
    const auto good = on_wire(pattern(9), as);
    const std::size_t header_end = 48 + 8 + 4;
    for (std::size_t at = 0; at < good.size(); ++at) {
        auto bad = good;
        bad[at] ^= std::byte{0x10};
        if (at >= 4 && at <= 7)
            bad.resize(200'000); // lengths: the framer may wait for more before it can judge
        reader in(4096, as.rules);
        const auto refused = in.feed(bad, bad.size());
        ASSERT_TRUE(refused.has_error()) << at;
        const auto expected =
            at < header_end ? wire_errc::header_digest_mismatch : wire_errc::data_digest_mismatch;
        EXPECT_EQ(refused.error().code, code(expected)) << at;
    }
}

TEST(framer, has_no_data_digest_without_data) {
    const form as{{true, true, 8192}};
    EXPECT_EQ(on_wire({}, as).size(), 52U);
    reader in(4096, as.rules);
    ASSERT_TRUE(in.feed(on_wire({}, as), 7));
    EXPECT_EQ(in.segments.size(), 1U);
}

TEST(framer, begins_anew_after_restart) {
    reader in(4096, {true, true, 8192});
    ASSERT_TRUE(in.feed(bytes_view(on_wire(pattern(50), {{true, true, 8192}})).first(60), 60));
    in.cutter.restart();
    ASSERT_TRUE(in.feed(on_wire(pattern(50)), 1000)); // no digests, rules of the login phase
    EXPECT_EQ(in.segments.at(0), pattern(50));
}

} // namespace
} // namespace iscsi
