#include "tests/support/session_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace iscsi::test {
namespace {

constexpr std::byte read_10{0x28};
constexpr std::byte write_10{0x2a};

std::array<std::byte, 16> block_cdb(std::byte code, std::uint32_t block, std::uint16_t count) {
    std::array<std::byte, 16> cdb{};
    cdb[0] = code;
    store_be32(cdb.data() + 2, block);
    store_be16(cdb.data() + 7, count);
    return cdb;
}

} // namespace

session_world::session_world(session_config config) : session_(std::move(config)) {}

// ---- bytes --------------------------------------------------------------------------------------

std::vector<std::byte> session_world::take_sent(std::size_t most) {
    if (!begin_send())
        return {};
    return end_send(most);
}

result<void> session_world::deliver(bytes_view bytes) {
    while (!bytes.empty() && begin_receive()) {
        const auto taken = end_receive(bytes);
        if (taken.has_error())
            return taken.error();
        bytes = bytes.subspan(*taken);
    }
    return {};
}

bool session_world::begin_send() {
    const auto plan = session_.write_plan();
    sending_.assign(plan.begin(), plan.end());
    sending_copy_.clear();
    for (const auto piece : sending_)
        sending_copy_.insert(sending_copy_.end(), piece.begin(), piece.end());
    return !sending_.empty();
}

std::vector<std::byte> session_world::end_send(std::size_t most) {
    check_sending();
    sending_.clear();
    auto bytes = std::exchange(sending_copy_, {});
    bytes.resize(std::min(bytes.size(), most));
    session_.sent(bytes.size(), now_);
    drain();
    return bytes;
}

void session_world::check_sending() const {
    auto expected = bytes_view(sending_copy_);
    for (const auto piece : sending_) { // memcmp: std::equal goes byte by byte
        EXPECT_EQ(std::memcmp(piece.data(), expected.data(), piece.size()), 0)
            << "memory changed under way";
        expected = expected.subspan(piece.size());
    }
}

bool session_world::begin_receive() {
    const auto plan = session_.read_plan();
    receiving_.assign(plan.begin(), plan.end());
    return !receiving_.empty();
}

result<std::size_t> session_world::end_receive(bytes_view bytes) {
    std::size_t taken = 0;
    for (const auto place : std::exchange(receiving_, {})) {
        const auto length = std::min(place.size(), bytes.size());
        std::copy_n(bytes.begin(), length, place.begin());
        bytes = bytes.subspan(length);
        taken += length;
    }
    auto accepted = session_.received(taken, now_);
    drain();
    if (accepted.has_error())
        return accepted.error();
    return taken;
}

void session_world::lose_transport() {
    check_sending();
    for (const auto place : receiving_)
        std::fill(place.begin(), place.end(), std::byte{0xa5});
    sending_.clear();
    receiving_.clear();
    session_.transport_lost(
        {to_error_code(session_errc::target_closed), "connection", "reset", {}}, now_
    );
    drain();
}

bool session_world::is_handed_out(bytes_view memory) const {
    const auto overlaps = [memory](bytes_view other) {
        const std::less<> before;
        return before(other.data(), memory.data() + memory.size()) &&
               before(memory.data(), other.data() + other.size());
    };
    return std::any_of(sending_.begin(), sending_.end(), overlaps) ||
           std::any_of(receiving_.begin(), receiving_.end(), overlaps);
}

// ---- time ---------------------------------------------------------------------------------------

bool session_world::pass_to_next_deadline(instant limit) {
    const auto deadline = session_.next_deadline();
    if (!deadline || *deadline > limit)
        return false;
    now_ = std::max(now_, *deadline);
    session_.handle_deadline(now_);
    drain();
    return true;
}

void session_world::pass(duration time) {
    const auto until = now_ + time;
    while (pass_to_next_deadline(until)) {
    }
    now_ = until;
}

// ---- work ---------------------------------------------------------------------------------------

std::uint64_t session_world::read(std::uint32_t block, std::uint16_t count) {
    command what;
    what.cdb = block_cdb(read_10, block, count);
    return submit(what, std::vector<std::byte>(count * world_block_size), true);
}

std::uint64_t session_world::write(std::uint32_t block, const std::vector<std::byte>& data) {
    command what;
    what.cdb =
        block_cdb(write_10, block, static_cast<std::uint16_t>(data.size() / world_block_size));
    return submit(what, data, false);
}

std::uint64_t session_world::submit(command what, std::vector<std::byte> data, bool reads) {
    const auto cookie = next_cookie_++;
    auto fresh = std::make_unique<work>();
    fresh->data = std::move(data);
    what.cookie = cookie;
    if (reads)
        what.data_in = fresh->data;
    else
        what.data_out = fresh->data;
    fresh->what = what;
    const auto task = session_.submit(what, now_);
    EXPECT_TRUE(task.has_value()) << task.error().text();
    if (task.has_error())
        return 0;
    fresh->task = *task;
    ledger_[cookie] = std::move(fresh);
    ++unfinished_;
    drain();
    return cookie;
}

void session_world::forget_finished() {
    std::erase_if(ledger_, [](const auto& each) { return each.second->done; });
}

// ---- events -------------------------------------------------------------------------------------

void session_world::drain() {
    while (auto next = session_.poll_event()) {
        if (const auto* const end = std::get_if<task_done>(&*next))
            record(*end);
        over_ = over_ || std::holds_alternative<logged_out>(*next);
        events_.push_back(std::move(*next));
    }
}

void session_world::record(const task_done& end) {
    if (end.cookie >= first_foreign_cookie && foreign_done)
        return foreign_done(end);
    const auto found = ledger_.find(end.cookie);
    if (found == ledger_.end()) {
        ADD_FAILURE() << "completion of a command that was never submitted";
        return;
    }
    auto& entry = *found->second;
    EXPECT_FALSE(entry.done) << "second completion of command " << end.cookie;
    EXPECT_EQ(end.task, entry.task);
    EXPECT_FALSE(is_handed_out(entry.data)) << "command " << end.cookie << " ends under the wire";
    unfinished_ -= entry.done ? 0U : 1U;
    entry.done = true;
    entry.end = end;
    entry.sense.assign(end.sense.begin(), end.sense.end());
    entry.end.sense = entry.sense;
}

// ---- data and settings --------------------------------------------------------------------------

std::vector<std::byte> pattern(std::size_t size, std::uint32_t seed) {
    std::vector<std::byte> data(size);
    std::uint32_t state = seed * 2654435761U + 1;
    for (auto& each : data) {
        state = state * 1664525U + 1013904223U;
        each = static_cast<std::byte>(state >> 24U);
    }
    return data;
}

session_config world_config() {
    session_config config;
    config.initiator_name = "iqn.2026-01.org.example:initiator";
    config.initiator_alias = "test";
    config.target_name = "iqn.2026-01.org.example:memory";
    config.isid = {
        std::byte{0}, std::byte{2}, std::byte{0x3d}, std::byte{0}, std::byte{0}, std::byte{1}};
    config.staging_size = 16 * 1024;
    config.commands_max = 16;
    config.negotiation = negotiation_mode::strict;
    return config;
}

} // namespace iscsi::test
