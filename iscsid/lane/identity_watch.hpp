#pragma once

#include "iscsid/lane/command_source.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/logical_unit.hpp"

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace iscsid::lane {

// When a disk moves in, and after each new connection of its session, no command of it reaches the
// logical unit before that has shown that it is still the one its disk was made of: what waits to
// be sent again would else be written to another disk. By the designator of VPD 83, or the serial
// number of VPD 80; a unit that has neither is not watched.
class identity_watch final : public command_source {
  public:
    // Told with every answer that counts: it is the right unit, or it has turned out to be another.
    using teller = std::function<void(bool is_other)>;

    explicit identity_watch(session_port& session) : session_(&session) {}

    // A LUN may have several disks (clients of an export): `who` tells them apart.
    void watch(
        const iscsi::lun_field& lun,
        const scsi::logical_unit& recorded,
        const void* who,
        teller tell
    );
    void forget(const iscsi::lun_field& lun, const void* who);

    // The target says that something is not as it was: no further command before an answer.
    void doubt(const iscsi::lun_field& lun);
    void doubt_all();

    void command_done(std::uint32_t slot, const iscsi::task_done& done) override;

    bool send_waiting() override { return false; }

    void handle_deadline(iscsi::instant now) override;
    std::optional<iscsi::instant> next_deadline() const override;
    void restart_timeouts(iscsi::instant now) override;
    void session_gone() override;

  private:
    enum class state : std::uint8_t { at_rest, asking, giving_up, waiting };
    enum class finding : std::uint8_t { same, other, nothing };

    struct listener {
        const void* who = nullptr;
        teller tell;
    };

    // Stays while a question is under way: its answer comes into `room`.
    struct unit {
        iscsi::lun_field lun{};
        scsi::vpd_page page{};
        std::string expected;
        std::vector<listener> listeners; // none: forgotten
        state is = state::at_rest;
        bool other = false;
        bool asked_again = false;
        iscsi::task_id task = 0;
        iscsi::instant begun{};
        iscsi::duration delay{}; // before the next question
        iscsi::instant due{};    // asking: give up then; waiting: ask then
        std::array<std::byte, 1024> room{};
    };

    unit* find(const iscsi::lun_field& lun);
    std::uint32_t slot_for(const iscsi::lun_field& lun);
    void begin(std::uint32_t slot);
    void ask(std::uint32_t slot);
    void ask_later(unit& whom);
    void now_due(std::uint32_t slot);
    finding judge(const unit& whom, const iscsi::task_done& done) const;
    void conclude(unit& whom, finding what);
    void tell(unit& whom, bool is_other);

    session_port* session_;                    // nullptr: gone
    std::vector<std::unique_ptr<unit>> units_; // by slot; nullptr is free
    bool is_telling_ = false;                  // what it says itself is no reason for a doubt
};

} // namespace iscsid::lane
