#pragma once

#include "iscsid/disk/fuse_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

namespace test {

using namespace iscsid;

// The kernel's side of /dev/fuse as a ring: reads that were started get the messages that the test
// sends, replies are kept. Nothing ends before the test says so.
class fuse_peer final : public lane::ring {
  public:
    struct reply {
        fuse_out_header header{};
        std::vector<std::byte> body;
        std::size_t size = 0; // of all parts
        std::size_t parts = 0;
        lane::ending end{};
    };

    // Gives a message to the read that waits longest; false when none waits.
    bool send(iscsi::bytes_view message) {
        if (reads_.empty() || message.size() > reads_.front().into.size())
            return false;
        const waiting_read read = reads_.front();
        reads_.erase(reads_.begin());
        std::ranges::copy(message, read.into.begin());
        read.who->ring_done(read.op, static_cast<std::int32_t>(message.size()));
        return true;
    }

    bool end_read(int error) {
        if (reads_.empty())
            return false;
        const waiting_read read = reads_.front();
        reads_.erase(reads_.begin());
        read.who->ring_done(read.op, -error);
        return true;
    }

    // The kernel takes the oldest reply (result 0), or refuses it (errno).
    reply take(int error = 0) {
        const waiting_write write = writes_.front();
        writes_.erase(writes_.begin());
        reply got = reply_of(write.parts);
        got.end = write.end;
        write.who->ring_done(write.op, error != 0 ? -error : static_cast<std::int32_t>(got.size));
        return got;
    }

    // A cancel may come too late: the read has got a request.
    void send_to_cancelled(iscsi::bytes_view message) {
        const waiting_read read = cancelled_.front();
        cancelled_.erase(cancelled_.begin());
        std::ranges::copy(message, read.into.begin());
        read.who->ring_done(read.op, static_cast<std::int32_t>(message.size()));
    }

    // Lets what was cancelled end.
    void finish_cancelled() {
        for (const waiting_read& read : std::exchange(cancelled_, {}))
            read.who->ring_done(read.op, -ECANCELED);
    }

    std::size_t waiting_reads() const { return reads_.size(); }

    std::size_t waiting_replies() const { return writes_.size(); }

    std::size_t room() const { return reads_.front().into.size(); }

    // Where the next message goes, and the one after it.
    iscsi::mutable_bytes room_of(std::size_t which) const { return reads_.at(which).into; }

    void read(int, iscsi::mutable_bytes into, lane::ring_client& who, std::uint32_t op) override {
        reads_.push_back({into, &who, op});
    }

    void write_vector(
        int, std::span<const iovec> from, lane::ring_client& who, std::uint32_t op, lane::ending end
    ) override {
        writes_.push_back({from, &who, op, end});
    }

    void receive_vector(int, std::span<const iovec>, lane::ring_client&, std::uint32_t) override {}

    void send_vector(int, std::span<const iovec>, lane::ring_client&, std::uint32_t, lane::ending)
        override {}

    void command(int, std::uint32_t, const lane::command_field&, lane::ring_client&, std::uint32_t)
        override {}

    void cancel(lane::ring_client& who, std::uint32_t op) override {
        const auto is_it = [&](const waiting_read& read) {
            return read.who == &who && read.op == op;
        };
        const auto found = std::ranges::find_if(reads_, is_it);
        if (found == reads_.end())
            return;
        cancelled_.push_back(*found);
        reads_.erase(found);
    }

    bool is_wide = false;   // takes commands with buffers
    bool is_settled = true; // see settle_commands()

    bool takes_wide_commands() const override { return is_wide; }

    bool defers_commands() const override { return is_wide; }

    bool settle_commands() override { return is_settled; }

    void command_with_buffers(
        int, const lane::wide_command& what, lane::ring_client& who, std::uint32_t op
    ) override {
        commands.push_back({what, &who, op});
    }

    struct waiting_command {
        lane::wide_command what;
        lane::ring_client* who;
        std::uint32_t op;
    };

    std::vector<waiting_command> commands; // that the kernel has

    void turn(std::optional<iscsi::instant>) override {}

    void hurry() override {}

    std::uint64_t system_calls() const override { return 0; }

    std::string_view name() const override { return "fuse_peer"; }

  private:
    struct waiting_read {
        iscsi::mutable_bytes into;
        lane::ring_client* who;
        std::uint32_t op;
    };

    struct waiting_write {
        std::span<const iovec> parts;
        lane::ring_client* who;
        std::uint32_t op;
        lane::ending end;
    };

    static reply reply_of(std::span<const iovec> parts) {
        std::vector<std::byte> all;
        for (const iovec& part : parts) {
            const auto* begin = static_cast<const std::byte*>(part.iov_base);
            all.insert(all.end(), begin, begin + part.iov_len);
        }
        reply got;
        got.size = all.size();
        got.parts = parts.size();
        if (all.size() < sizeof got.header)
            return got;
        std::memcpy(&got.header, all.data(), sizeof got.header);
        got.body.assign(all.begin() + sizeof got.header, all.end());
        return got;
    }

    std::vector<waiting_read> reads_;
    std::vector<waiting_read> cancelled_;
    std::vector<waiting_write> writes_;
};

// A LUN that keeps its requests until the test ends them, in any order.
class patient_lun final : public lane::lun_port {
  public:
    void submit(const lane::block_request& request, lane::request_owner& owner) override {
        if (at_once) {
            owner.complete(request.tag, *at_once);
            return;
        }
        requests.push_back(request);
        owner_ = &owner;
    }

    void end(std::size_t which, int error = 0) {
        const auto tag = requests.at(which).tag;
        requests.erase(requests.begin() + static_cast<std::ptrdiff_t>(which));
        owner_->complete(tag, error);
    }

    std::vector<lane::block_request> requests;
    std::optional<int> at_once; // complete inside of submit()

  private:
    lane::request_owner* owner_ = nullptr;
};

// The kernel and a file, started, and what the one asks of the other.
class fuse_dialogue : public ::testing::Test {
  protected:
    void use(const scsi::logical_unit& unit, const disk::fuse_shape& shape) {
        peer = fuse_peer{};
        lun = patient_lun{};
        file = std::make_unique<disk::fuse_file>(3, unit, shape);
        file->start(peer, lun);
    }

    bool ask(std::uint32_t opcode, iscsi::bytes_view body = {}, iscsi::bytes_view data = {}) {
        fuse_in_header header{};
        header.opcode = opcode;
        header.unique = ++last_unique;
        header.nodeid = FUSE_ROOT_ID;
        header.len = static_cast<std::uint32_t>(sizeof header + body.size() + data.size());
        std::vector<std::byte> message;
        for (const auto part : {disk::fuse::bytes_of(header), body, data})
            message.insert(message.end(), part.begin(), part.end());
        return peer.send(message);
    }

    bool ask_read(std::uint64_t offset, std::uint32_t length) {
        fuse_read_in wanted{};
        wanted.offset = offset;
        wanted.size = length;
        return ask(FUSE_READ, disk::fuse::bytes_of(wanted));
    }

    bool ask_write(std::uint64_t offset, const std::vector<std::byte>& data) {
        fuse_write_in wanted{};
        wanted.offset = offset;
        wanted.size = static_cast<std::uint32_t>(data.size());
        return ask(FUSE_WRITE, disk::fuse::bytes_of(wanted), data);
    }

    std::uint64_t last_unique = 100;
    fuse_peer peer;
    patient_lun lun;
    std::unique_ptr<disk::fuse_file> file;
};

} // namespace test
