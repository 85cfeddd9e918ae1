#pragma once

#include "iscsid/disk/driver.hpp"
#include "iscsid/lane/lane.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace iscsid::session {

// A lane that only remembers. Its notes are told by the test.
class fake_lane final : public lane::lane {
  public:
    ~fake_lane() override {
        for (const int socket : sockets)
            ::close(socket);
    }

    void adopt(
        iscsid::lane::session_key key,
        iscsi::session session,
        int socket,
        iscsid::lane::note_handler notes
    ) override {
        keep(socket);
        handlers[key] = std::move(notes);
        adopted.insert_or_assign(key, inhabitant{std::move(session), socket});
    }

    void post(std::function<void()> work) override { work(); }

    void
    fail_requests(iscsid::lane::session_key key, const iscsi::lun_field& lun, int error) override {
        const std::scoped_lock lock(changing);
        failing[{key, lun}] = error;
        retired.erase({key, lun});
    }

    void fail_requests_for(
        iscsid::lane::session_key key,
        const iscsi::lun_field& lun,
        iscsid::lane::session_key by,
        int error
    ) override {
        const std::scoped_lock lock(changing);
        failing_for[{key, lun}][by] = error;
    }

    void retire(iscsid::lane::session_key key, const iscsi::lun_field& lun) override {
        const std::scoped_lock lock(changing);
        failing[{key, lun}] = ENODEV;
        retired.insert({key, lun});
    }

    void give_up_unit(iscsid::lane::session_key key, const iscsi::lun_field& lun) override {
        {
            const std::scoped_lock lock(changing);
            given_up.insert({key, lun});
        }
        if (on_give_up)
            on_give_up();
    }

    void reset_first(
        iscsid::lane::session_key key, const iscsi::lun_field& lun, std::string /*why*/
    ) override {
        const std::scoped_lock lock(changing);
        reset_before_use.insert({key, lun});
    }

    void ledger(
        iscsid::lane::session_key key,
        const iscsi::lun_field& lun,
        std::function<void(std::shared_ptr<const iscsid::lane::write_ledger>)> found
    ) override {
        std::unique_lock lock(changing);
        auto known = ledgers[{key, lun}];
        lock.unlock();
        found(std::move(known));
    }

    void forget_ledger(iscsid::lane::session_key key, const iscsi::lun_field& lun) override {
        const std::scoped_lock lock(changing);
        ledgers.erase({key, lun});
    }

    void inherit(iscsid::lane::session_key key, const iscsi::lun_field& lun) override {
        const std::scoped_lock lock(changing);
        inherited.insert({key, lun});
    }

    void refresh(
        iscsid::lane::session_key /*key*/,
        const iscsi::lun_field& /*lun*/,
        const scsi::logical_unit& properties,
        iscsi::instant looked_at
    ) override {
        const std::scoped_lock lock(changing);
        refreshed.push_back({properties, looked_at});
    }

    void transport(iscsid::lane::session_key /*key*/, int socket, iscsi::fault why) override {
        keep(socket);
        transports.push_back({socket, std::move(why)});
    }

    void attach(
        iscsid::lane::session_key /*key*/,
        const iscsi::lun_field& /*lun*/,
        const scsi::logical_unit& /*properties*/,
        iscsid::lane::lane_resident& /*resident*/
    ) override {}

    void detach(iscsid::lane::lane_resident& /*r*/, std::function<void()> gone) override { gone(); }

    void execute(
        iscsid::lane::session_key key,
        const iscsi::command& what,
        std::function<void(iscsid::lane::scsi_outcome)> done
    ) override {
        if (silent.contains(key))
            unanswered.push_back(std::move(done));
        else if (answers)
            answers(what, std::move(done));
    }

    void look(iscsid::lane::session_key key, std::function<void(iscsid::lane::session_view)> seen)
        override {
        if (looking)
            looking(key);
        if (handlers.count(key) == 0)
            return;
        iscsid::lane::session_view view;
        view.connection = iscsi::connection_state::logged_in;
        view.state = iscsi::session_state::logged_in;
        view.parameters.max_burst_length = 12345;
        view.statistics.scsirsp_pdus = ++looks;
        seen(view);
    }

    void give_up(
        iscsid::lane::session_key key, std::function<void(std::optional<std::size_t>)> done
    ) override {
        done(waiting);
        if (waiting)
            tell(key, iscsi::gave_up{*waiting, true});
    }

    void change(iscsid::lane::session_key key, iscsi::session_settings settings) override {
        changes.emplace_back(key, std::move(settings));
    }

    void logout(iscsid::lane::session_key key) override {
        logouts.push_back(key);
        is_logging_out = true;
        if (answers_logout)
            tell(key, iscsi::logged_out{true});
    }

    void drop(iscsid::lane::session_key key, std::function<void()> gone) override {
        handlers.erase(key);
        gone();
    }

    std::string_view ring_name() const override { return "fake"; }

    void tell(iscsid::lane::session_key key, iscsi::event what) {
        handlers.at(key)({key, std::move(what), nullptr});
    }

    struct inhabitant {
        iscsi::session engine;
        int socket = -1;
    };

    struct refresh_call {
        scsi::logical_unit properties;
        iscsi::instant looked_at{};
    };

    struct given_transport {
        int socket = -1;
        iscsi::fault why;
    };

    std::vector<std::pair<iscsid::lane::session_key, iscsi::session_settings>> changes;
    std::optional<std::size_t> waiting; // for a connection
    std::uint64_t looks = 0;            // each sees one more answer of the target
    std::function<void(iscsid::lane::session_key)> looking; // what happens before it has looked
    bool answers_logout = true;
    std::atomic<bool> is_logging_out{false}; // some session, for other threads
    std::function<
        void(const iscsi::command& what, std::function<void(iscsid::lane::scsi_outcome)> done)>
        answers;                                  // of the target; none: it says nothing
    std::set<iscsid::lane::session_key> silent{}; // whose targets say nothing
    std::vector<std::function<void(iscsid::lane::scsi_outcome)>> unanswered{};
    std::map<iscsid::lane::session_key, inhabitant> adopted;
    std::map<iscsid::lane::session_key, iscsid::lane::note_handler> handlers;
    std::vector<given_transport> transports;
    std::vector<iscsid::lane::session_key> logouts;
    std::map<std::pair<iscsid::lane::session_key, iscsi::lun_field>, int> failing;
    std::map<
        std::pair<iscsid::lane::session_key, iscsi::lun_field>,
        std::map<iscsid::lane::session_key, int>>
        failing_for; // by the order of another session
    std::set<std::pair<iscsid::lane::session_key, iscsi::lun_field>> retired;
    std::set<std::pair<iscsid::lane::session_key, iscsi::lun_field>> given_up;
    std::set<std::pair<iscsid::lane::session_key, iscsi::lun_field>> reset_before_use;
    std::function<void()> on_give_up; // of a unit
    std::set<std::pair<iscsid::lane::session_key, iscsi::lun_field>> inherited;
    std::map<
        std::pair<iscsid::lane::session_key, iscsi::lun_field>,
        std::shared_ptr<iscsid::lane::write_ledger>>
        ledgers; // none: nobody knows what was written
    std::vector<refresh_call> refreshed;
    std::mutex changing; // the workers of several sessions

  private:
    void keep(int socket) {
        if (socket >= 0)
            sockets.push_back(socket);
    }

    std::vector<int> sockets;
};

// A driver whose disks are names in a set. They do not exist under /dev.
class fake_driver final : public disk::driver {
  public:
    explicit fake_driver(std::string name = "fake") : name_(std::move(name)) {}

    std::string_view name() const override { return name_; }

    bool can_adopt() const override { return adopts; }

    bool tells_of_appearing() const override { return adopts && !is_named_late; }

    iscsi::result<std::unique_ptr<disk::disk>>
    attach(lane::lane& /*where*/, const disk::disk_request& what) override {
        const std::scoped_lock lock(changing);
        ++attached;
        return make(what, has_nodes ? free_name(what.lun_number) : "");
    }

    // Somebody takes the device away, and another one has its name.
    void take_away(const std::string& node) {
        const std::scoped_lock lock(changing);
        taken.insert(node);
    }

    bool is_taken(const std::string& node) const {
        const std::scoped_lock lock(changing);
        return taken.contains(node);
    }

    disk::ownership
    owner_of(const disk::disk_request& /*what*/, const std::string& node) const override {
        return [this, node] { return !is_taken(node); };
    }

    iscsi::result<std::unique_ptr<disk::disk>>
    adopt(lane::lane& where, const disk::disk_request& what, const std::string& node) override {
        const std::scoped_lock lock(changing);
        if (!adopts)
            return driver::adopt(where, what, node);
        if (gone.count(node) != 0)
            return failed(disk::disk_errc::attach_failed, node);
        ++adopted;
        auto seen_already = what;
        seen_already.before_appearing = {};
        return make(seen_already, node);
    }

    bool takes_several_paths() const override { return shares; }

    iscsi::result<std::unique_ptr<disk::disk>>
    attach_shared(const std::vector<disk::disk_path>& paths) override {
        note_paths(paths);
        if (is_unfit_for_several)
            return failed(disk::disk_errc::attach_failed, name_);
        for (const auto& each : paths)
            if (each.what.before_appearing)
                if (auto done = each.what.before_appearing(free_name(each.what.lun_number)); !done)
                    return done.error();
        auto first = paths.front().what;
        first.before_appearing = {};
        return attach(*paths.front().where, first);
    }

    iscsi::result<std::unique_ptr<disk::disk>>
    adopt_shared(const std::vector<disk::disk_path>& paths, const std::string& node) override {
        note_paths(paths);
        return adopt(*paths.front().where, paths.front().what, node);
    }

    // Whether somebody still has the object of this disk.
    bool holds(const std::string& node) { return !held_[node].expired(); }

    // From now on, also while a worker is at it.
    void refuse(std::set<std::uint64_t> luns) {
        const std::scoped_lock lock(changing);
        unfit = std::move(luns);
    }

    bool adopts = false;
    bool shares = false;                                         // one disk of several sessions
    bool is_unfit_for_several = false;                           // when it comes to that
    std::vector<std::vector<iscsid::lane::session_key>> sharing; // those of each such disk
    std::vector<std::uint64_t> nonces;                           // of the paths of the last
    bool is_named_late = false; // nobody knows a name before the disk is there
    bool has_nodes = true;      // else as exported sockets
    bool can_resize = true;
    std::set<std::string> present;
    std::set<std::string> taken;                    // what has this name is another's
    std::set<std::string> gone;                     // devices that cannot be taken over
    std::set<std::uint64_t> unfit;                  // LUNs that cannot be attached
    std::set<std::uint64_t> mortal;                 // LUNs whose disks end with the daemon
    std::set<std::uint64_t> busy;                   // LUNs that are in use
    std::set<std::uint64_t> dismissed;              // LUNs whose users were asked to leave
    bool users_can_be_asked = false;                // and do so
    std::set<std::uint64_t> lossy;                  // LUNs whose last flush fails
    std::map<std::uint64_t, std::uint64_t> resized; // LUNs to blocks
    std::map<std::uint64_t, bool> made_read_only;   // LUNs that were told so
    bool can_protect = true;
    std::function<void(const disk::disk_request&)> on_the_edge; // right before a disk is there
    std::function<void(std::uint64_t lun)> on_removal;
    std::atomic<int> attached{0};
    std::atomic<int> adopted{0};
    mutable std::mutex changing; // the workers' calls come from several threads

  private:
    void note_paths(const std::vector<disk::disk_path>& paths) {
        const std::scoped_lock lock(changing);
        auto& all = sharing.emplace_back();
        nonces.clear();
        for (const auto& each : paths) {
            all.push_back(each.what.session);
            nonces.push_back(each.what.nonce);
        }
    }

    static iscsi::fault failed(disk::disk_errc why, std::string where) {
        return {iscsi::to_error_code(why), std::move(where), {}, {}};
    }

    std::string free_name(std::uint64_t lun) const {
        auto name = "no-such-disk-" + std::to_string(lun);
        while (taken.contains(name))
            name += "-again";
        return name;
    }

    iscsi::result<std::unique_ptr<disk::disk>>
    make(const disk::disk_request& what, const std::string& node) {
        if (unfit.count(what.lun_number) != 0)
            return failed(disk::disk_errc::attach_failed, name_);
        if (what.before_appearing && !is_named_late)
            if (auto done = what.before_appearing(node); !done)
                return done.error();
        if (on_the_edge)
            on_the_edge(what);
        return std::make_unique<fake_disk>(*this, node, what.lun_number);
    }

    class fake_disk final : public disk::disk {
      public:
        fake_disk(fake_driver& of, std::string node, std::uint64_t lun)
            : of_(of), node_(std::move(node)), lun_(lun) {
            of_.present.insert(node_);
            of_.held_[node_] = alive_;
        }

        bool outlives_daemon() const override { return !of_.mortal.contains(lun_); }

        const std::string& node() const override { return node_; }

        iscsid::disk::ownership owner() const override {
            return [of = &of_, node = node_] { return !of->is_taken(node); };
        }

        iscsi::result<void> remove() override {
            const std::scoped_lock lock(of_.changing);
            if (of_.on_removal)
                of_.on_removal(lun_);
            if (of_.busy.count(lun_) != 0)
                return failed(iscsid::disk::disk_errc::busy, node_);
            of_.present.erase(node_);
            if (of_.lossy.count(lun_) != 0)
                return failed(iscsid::disk::disk_errc::flush_failed, node_);
            return {};
        }

        void dismiss() override {
            const std::scoped_lock lock(of_.changing);
            of_.dismissed.insert(lun_);
            if (of_.users_can_be_asked)
                of_.busy.erase(lun_);
        }

        iscsi::result<void> resize(const scsi::logical_unit& now) override {
            const std::scoped_lock lock(of_.changing);
            if (!of_.can_resize)
                return disk::resize(now);
            of_.resized[lun_] = now.block_count;
            return {};
        }

        iscsi::result<void> set_read_only(const scsi::logical_unit& now) override {
            const std::scoped_lock lock(of_.changing);
            if (!of_.can_protect)
                return disk::set_read_only(now);
            of_.made_read_only[lun_] = now.read_only;
            return {};
        }

      private:
        fake_driver& of_;
        std::string node_;
        std::uint64_t lun_;
        std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    };

    std::string name_;
    std::map<std::string, std::weak_ptr<bool>> held_;
};

} // namespace iscsid::session
