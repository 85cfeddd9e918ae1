#include "tests/conformance/words.hpp"

#include "iscsid/lane/lun_queue.hpp"

#include "libiscsi/scsi/status.hpp"

#include <cerrno>
#include <map>

// What follows an answer that is not GOOD (RFC 7143 §11.4.7.2, SAM-5 §5.3.1): the queue of a
// logical unit stands above the session, as it does in the daemon.
namespace iscsi::test {
namespace {

namespace lane = iscsid::lane;

constexpr std::uint8_t check_condition = 0x02;
constexpr std::uint8_t busy = 0x08;
constexpr std::uint8_t reservation_conflict = 0x18;

class unit final : public lane::session_port, public lane::request_owner {
  public:
    explicit unit(session_world& world) : world_(world) {
        world.foreign_done = [this](const task_done& done) {
            const auto slot = done.cookie - session_world::first_foreign_cookie;
            queue_.command_done(static_cast<std::uint32_t>(slot), done);
        };
    }

    void write() {
        lane::block_request request;
        request.op = lane::operation::write;
        request.length = data_.size();
        request.buffer = data_;
        queue_.submit(request, *this);
    }

    void let_time_pass() {
        while (queue_.next_deadline() && *queue_.next_deadline() <= world_.now())
            queue_.handle_deadline(world_.now());
        queue_.send_waiting();
    }

    std::optional<int> error; // how the request has ended

    // ---- session_port ----
    result<task_id> submit(command what, const lane::command_source& /*from*/) override {
        what.cookie += session_world::first_foreign_cookie;
        return world_.engine().submit(what, world_.now());
    }

    void abort(task_id task) override { world_.engine().abort(task, world_.now()); }

    void hold(const lun_field& lun) override { world_.engine().hold(lun); }

    void let_go(const lun_field& lun) override { world_.engine().let_go(lun); }

    bool logged_in() const override { return true; }

    instant now() const override { return world_.now(); }

    void attention(const lun_field& /*lun*/, scsi::attention /*what*/) override {}

    void tell(lane::note_content /*what*/) override {}

    void complete(std::uint64_t /*tag*/, int with) override { error = with; }

  private:
    static scsi::logical_unit disk() {
        scsi::logical_unit what;
        what.block_count = 1024;
        return what;
    }

    session_world& world_;
    lane::unit unit_{*this, {}, 32};
    lane::lun_queue queue_{&unit_, disk()};
    std::vector<std::byte> data_ = pattern(512, 1);
};

std::vector<std::byte> sense(std::uint8_t key, std::uint8_t asc, std::uint8_t ascq) {
    std::vector<std::byte> data(2 + 18); // SenseLength, then fixed format (SPC-5 §4.4.3)
    data[1] = std::byte{18};
    data[2] = std::byte{0x70};
    data[4] = std::byte{key};
    data[9] = std::byte{10};
    data[14] = std::byte{asc};
    data[15] = std::byte{ascq};
    return data;
}

// The answer, and a new command some time later: another CmdSN, the same CDB.
void is_repeated_after(const scsi_response& answer, const std::vector<std::byte>& data) {
    std::unique_ptr<unit> disk;
    script()
        .log_in()
        .act([&](session_world& world) {
            disk = std::make_unique<unit>(world);
            disk->write();
        })
        .expect(a<scsi_command>().with("CmdSN", &scsi_command::command_sn, 0U), "write")
        .give(answer, data, "write")
        .pass(std::chrono::seconds(1))
        .act([&](session_world&) {
            disk->let_time_pass();
            EXPECT_FALSE(disk->error.has_value());
        })
        .expect(
            a<scsi_command>()
                .with("CmdSN", &scsi_command::command_sn, 1U)
                .with("length", &scsi_command::expected_data_transfer_length, 512U)
                .data(pattern(512, 1)),
            "again"
        )
        .give(scsi_response{}, {}, "again")
        .act([&](session_world&) { EXPECT_EQ(disk->error, 0); })
        .run(quiet_config());
}

const scsi_response aborted_command{.status = check_condition};

CONFORMANCE(FFP, "16.4.1", "CRC error sense: the command is issued again") {
    is_repeated_after(aborted_command, sense(0x0b, 0x47, 0x05));
}

CONFORMANCE(FFP, "16.4.2", "SNACK rejected sense: a new command") {
    is_repeated_after(aborted_command, sense(0x0b, 0x11, 0x13));
}

CONFORMANCE(FFP, "16.4.3", "Unexpected unsolicited data sense") {
    is_repeated_after(aborted_command, sense(0x0b, 0x0c, 0x0c));
}

CONFORMANCE(FFP, "16.4.4", "Not enough unsolicited data sense") {
    is_repeated_after(aborted_command, sense(0x0b, 0x0c, 0x0d));
}

CONFORMANCE(FFP, "16.4.5", "BUSY: the command is issued again later") {
    is_repeated_after(scsi_response{.status = busy}, {});
}

CONFORMANCE(FFP, "16.4.6", "RESERVATION CONFLICT") {
    std::unique_ptr<unit> disk;
    script()
        .log_in()
        .act([&](session_world& world) {
            disk = std::make_unique<unit>(world);
            disk->write();
        })
        .expect(a<scsi_command>(), "write")
        .give(scsi_response{.status = reservation_conflict}, {}, "write")
        .pass(std::chrono::seconds(1))
        .act([&](session_world&) {
            disk->let_time_pass();
            EXPECT_EQ(disk->error, EBADE);
        })
        .expect_silence() // somebody else owns the unit: it is not tried again
        .run(quiet_config());
}

} // namespace
} // namespace iscsi::test
