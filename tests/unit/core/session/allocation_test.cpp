#include "tests/unit/core/session/said.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {

std::size_t allocations = 0;

} // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size))
        return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*unused*/) noexcept {
    std::free(memory);
}

namespace iscsi::test {
namespace {

// A link that itself allocates nothing: takes what is sent, gives prepared bytes.
std::size_t swallow(session& from, instant now) {
    std::size_t size = 0;
    for (const auto part : from.write_plan())
        size += part.size();
    if (size > 0)
        from.sent(size, now);
    return size;
}

void feed(session& to, bytes_view bytes, instant now) {
    while (!bytes.empty()) {
        std::size_t given = 0;
        for (const auto part : to.read_plan()) {
            const auto size = std::min(part.size(), bytes.size() - given);
            std::copy_n(bytes.data() + given, size, part.data());
            given += size;
        }
        ASSERT_TRUE(to.received(given, now));
        bytes = bytes.subspan(given);
    }
}

template <class Pdu>
void feed_pdu(peer& target, const Pdu& pdu, bytes_view data) {
    basic_header header;
    encode(target_pdu{target.numbered(pdu)}, static_cast<std::uint32_t>(data.size()), header);
    feed(target.session_under_test, header, target.now);
    feed(target.session_under_test, data, target.now);
}

TEST(allocation, does_not_happen_for_each_task) {
    logged_in_peer target;
    auto& tested = target.session_under_test;
    buffer room(4096);
    const auto data = pattern(20'000);
    std::size_t done = 0;

    const auto one_round = [&] {
        const auto read = tested.submit(read_command(room), target.now).value();
        const auto write = tested.submit(write_command(data), target.now).value();
        target.expected_command_sn += 2;
        swallow(tested, target.now);
        feed_pdu(target, last_data_at(read, 0, 0), bytes_view(data).first(4096));
        feed_pdu(target, ask(write, 0, 8192, 20'000 - 8192), {});
        swallow(tested, target.now);
        feed_pdu(target, answer(write), {});
        while (const auto next = tested.poll_event())
            done += std::get<task_done>(*next).outcome == task_result::answered ? 1U : 0U;
    };

    one_round();
    const auto before = allocations;
    for (int i = 0; i < 10'000; ++i)
        one_round();
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(done, 20'002U);
}

} // namespace
} // namespace iscsi::test
