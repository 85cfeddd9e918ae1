#pragma once

#include "iscsid/session/condition.hpp"
#include "iscsid/session/environment.hpp"
#include "iscsid/session/outcome.hpp"
#include "iscsid/session/results.hpp"
#include "iscsid/session/session_disks.hpp"
#include "iscsid/session/session_phase.hpp"
#include "iscsid/session/supervisor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace iscsid::session {

// Looks at the LUNs of one session again: when the target says that something has changed, when the
// session is back, when a user asks, and when a LUN gave no answer. One look at a time.
//
//   follow() → the others, in any order → stop()
//
// Lives on the control thread, as a part of the session that it watches.
class lun_watch {
  public:
    // The session. All of it outlives the watch.
    struct subject {
        const environment& with;
        condition& changed; // is told when a look has ended
        session_disks& disks;
        const phase& now;
        const std::string& name;                        // for the log
        bool finds_new_luns = true;                     // without being asked: not a manual scan
        std::function<device::disk_state()> describe{}; // the words of the session for new disks
    };

    explicit lun_watch(subject what);

    // The connection over which the LUNs are seen. `self` is this object, owned as its session is.
    void follow(const supervisor& connection, std::weak_ptr<lun_watch> self);

    bool is_looking() const { return is_looking_; }

    // The session is back, has been given up for now, or a LUN says that it has changed. It is
    // noted in any case: a logout may be refused. The first of many wishes is followed at once, the
    // last by the next look: what came after that had begun may have changed what it saw.
    // `list_changed`: the target says that it has other LUNs now.
    void look_again(bool list_changed);

    // Something has happened to the block device `node`, or, with "", to any: a disk whose device
    // is another's now is told of, and made anew.
    void look_after_device(std::string_view node);

    // What was put off while the session could not look.
    void catch_up();

    // A user asks: a look with removals and new LUNs, after the one that is under way; LUNs that
    // were detached are new ones again, unless the scan is manual. Failures: session_not_connected,
    // internal when the session is being logged out.
    boost::asio::awaitable<outcome<rescan_result>> look_now();

    // The same for the disks that there are alone: what LUNs come and go is left to other looks.
    boost::asio::awaitable<outcome<rescan_result>> look_at_disks();

    // ---- one LUN (lun_orders.cpp); in turn with the looks ----

    // Makes it a disk, unless it is one, and looks at no other for that. Failures: besides those of
    // look_now() no_objects_found, invalid_request when there is something else than a disk,
    // request_timed_out when it does not answer, error when the driver cannot.
    boost::asio::awaitable<outcome<lun_result>> attach(std::uint64_t number);

    struct detach_orders {
        users whose = users::are_respected;
        iscsi::duration timeout{}; // logout_timeout
    };

    // Takes its disk away, and attach() or look_now() alone bring it back. Failures: busy when it
    // is in use, and then nothing has changed; error when it is gone, with losses.
    boost::asio::awaitable<outcome<lun_result>> detach(std::uint64_t number, detach_orders how);

    // What a scan has not seen, for the log (once, however often it is looked at) and for whoever
    // asked for it. What did not answer is looked at again.
    warnings note(const device::scan_result& seen);

    // Whether a look has missed what will not call, for look_later_if_needed().
    void set_incomplete(bool is_so) { is_incomplete_ = is_so; }

    // A unit that could not say who it is will not tell when it can, and a target without a disk,
    // as one is that is being set up, has no way to say that it has one now: they are asked again,
    // at growing intervals.
    void look_later_if_needed();

    void stop() { later_.cancel(); }

  private:
    // Waits for the look that is under way, and is one from then on. A failure: there is no turn.
    boost::asio::awaitable<std::optional<failure>> take_turn();
    boost::asio::awaitable<outcome<lun_result>> attach_in_turn(std::uint64_t number);
    boost::asio::awaitable<outcome<lun_result>>
    detach_in_turn(std::uint64_t number, detach_orders how);
    boost::asio::awaitable<removal_report> take_away(std::uint64_t number, detach_orders how);
    boost::asio::awaitable<void> look_for_losses(std::shared_ptr<lun_watch> self);
    boost::asio::awaitable<void> look_in_turn(std::shared_ptr<lun_watch> self);
    boost::asio::awaitable<outcome<warnings>> look_once();
    boost::asio::awaitable<outcome<rescan_result>> look_for_user();
    void end_look();

    subject what_;
    std::weak_ptr<lun_watch> self_;
    const supervisor* connection_ = nullptr;
    bool is_looking_ = false;
    bool look_again_ = false;        // something has changed meanwhile
    iscsi::instant next_look_{};     // not before, unless a user asks
    boost::asio::steady_timer turn_; // which comes then
    bool list_changed_ = false;      // the target has said so, or a user asks: what is gone may go
    bool finds_new_luns_ = true;     // in the look that comes next
    device::block_events::token devices_{}; // what is heard of them
    bool looks_for_losses_ = false;
    iscsi::instant last_loss_{};
    warnings noted_;                  // by the last look
    bool is_incomplete_ = false;      // the last look has missed what will not call
    std::string silence_;             // in the last look the target said nothing at all: how
    boost::asio::steady_timer later_; // another look at them
    unsigned looks_in_vain_ = 0;
};

} // namespace iscsid::session
