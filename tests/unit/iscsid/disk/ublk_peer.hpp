#pragma once

#include "iscsid/disk/ublk_queue.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace test {

using namespace iscsid;

// The kernel's side of /dev/ublkcN as a ring: keeps the commands of the tags, and ends them as the
// test says.
class ublk_peer final : public lane::ring {
  public:
    struct started {
        int file = -1;
        std::uint32_t opcode = 0;
        disk::ublk::io_command command{};
        std::uint32_t op = 0;
        lane::ring_client* who = nullptr;
    };

    // How many commands of that tag the kernel has: never more than one.
    std::size_t commands_of(std::uint32_t tag) const {
        return static_cast<std::size_t>(std::ranges::count(commands, tag, &started::op));
    }

    // The command of the tag ends: 0 is a request, below 0 the end of the tag.
    started end(std::uint32_t tag, std::int32_t result) {
        const auto found = std::ranges::find(commands, tag, &started::op);
        if (found == commands.end())
            return {};
        const started which = *found;
        commands.erase(found);
        which.who->ring_done(tag, result);
        return which;
    }

    // The result that the tag's request was committed with.
    std::int32_t result_of(std::uint32_t tag) const {
        const auto found = std::ranges::find(commands, tag, &started::op);
        return found == commands.end() ? 1 : found->command.result;
    }

    void command(
        int fd,
        std::uint32_t opcode,
        const lane::command_field& what,
        lane::ring_client& who,
        std::uint32_t op
    ) override {
        started now{fd, opcode, {}, op, &who};
        std::memcpy(&now.command, what.data(), what.size());
        commands.push_back(now);
    }

    std::vector<started> commands;

    bool defers = true;       // as a ring with deferred task work
    bool is_settled = true;   // false: a request may have come that nobody was told of
    unsigned times_asked = 0; // whether it is

    bool defers_commands() const override { return defers; }

    bool settle_commands() override {
        ++times_asked;
        return is_settled;
    }

    void read(int, iscsi::mutable_bytes, lane::ring_client&, std::uint32_t) override {}

    void write_vector(int, std::span<const iovec>, lane::ring_client&, std::uint32_t, lane::ending)
        override {}

    void receive_vector(int, std::span<const iovec>, lane::ring_client&, std::uint32_t) override {}

    void send_vector(int, std::span<const iovec>, lane::ring_client&, std::uint32_t, lane::ending)
        override {}

    void cancel(lane::ring_client&, std::uint32_t) override {}

    void turn(std::optional<iscsi::instant>) override {}

    void hurry() override {}

    std::uint64_t system_calls() const override { return 0; }

    std::string_view name() const override { return "ublk_peer"; }
};

} // namespace test
