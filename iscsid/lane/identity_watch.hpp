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

// After each new connection of a session, no command reaches a logical unit before that has shown
// that it is still the one its disk was made of: what waits to be sent again would else be written
// to another disk. By the designator of VPD 83, or the serial number of VPD 80; a unit that has
// neither is not watched.
class identity_watch final : public command_source {
  public:
    // Told when it turns out to be another unit, and when the right one is back.
    using teller = std::function<void(bool is_other)>;

    explicit identity_watch(session_port& session) : session_(&session) {}

    void watch(const iscsi::lun_field& lun, const scsi::logical_unit& recorded, teller tell);
    void forget(const iscsi::lun_field& lun);

    void command_done(std::uint32_t slot, const iscsi::task_done& done) override;

    bool send_waiting() override { return false; }

    void handle_deadline(iscsi::instant now) override;
    std::optional<iscsi::instant> next_deadline() const override;
    void restart_timeouts(iscsi::instant now) override;
    void session_gone() override;

  private:
    enum class state : std::uint8_t { at_rest, asking, giving_up, waiting };
    enum class finding : std::uint8_t { same, other, nothing };

    // Stays while a question is under way: its answer comes into `room`.
    struct unit {
        iscsi::lun_field lun{};
        scsi::vpd_page page{};
        std::string expected;
        teller tell; // empty: forgotten
        state is = state::at_rest;
        bool other = false;
        iscsi::task_id task = 0;
        iscsi::duration delay{};  // before the next question
        iscsi::instant due{};     // asking: give up then; waiting: ask then
        iscsi::instant doubted{}; // what has not shown itself by then is taken for another one
        std::array<std::byte, 1024> room{};
    };

    void ask(std::uint32_t slot);
    void ask_later(unit& whom);
    void now_due(std::uint32_t slot);
    finding judge(const unit& whom, const iscsi::task_done& done) const;
    void conclude(unit& whom, finding what);
    void tell(unit& whom, bool is_other);

    session_port* session_;                    // nullptr: gone
    std::vector<std::unique_ptr<unit>> units_; // by slot; nullptr is free
};

} // namespace iscsid::lane
