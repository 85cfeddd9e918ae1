#include "iscsid/lane/lane.hpp"

#include "iscsid/lane/inbox.hpp"
#include "iscsid/lane/lun_queue.hpp"
#include "iscsid/lane/session_host.hpp"
#include "iscsid/os/blocked_signals.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <thread>
#include <unordered_map>

namespace iscsid::lane {

namespace {

// How long the end of a lane waits for its sessions and disks to become quiet.
constexpr auto patience_at_the_end = std::chrono::seconds(5);

// LIO waits for the commands of the old session before it lets a new one in.
constexpr std::string_view vendor_of_lio = "LIO-ORG";

// A disk's memory is given back after some of these, and so much in one of them for all disks: it
// takes the time of a large request.
constexpr auto interval_of_giving_back = std::chrono::milliseconds(500);
constexpr std::size_t most_to_give_back = std::size_t{32} * 1024 * 1024;

constexpr std::size_t longest_thread_name = 15; // pthread_setname_np

void introduce(
    session_host& host, unit& to, lun_queue& queue, const scsi::logical_unit& properties
) {
    if (ends_old_tasks(properties))
        host.trust_reinstatement(to.lun());
    host.sources().add(queue);
    to.join(queue, properties);
}

// Every public function is a message to the lane's thread; the rest runs on that thread only.
class data_lane final : public lane {
  public:
    data_lane(std::unique_ptr<ring> io, std::string thread_name);
    ~data_lane() override;
    data_lane(const data_lane&) = delete;
    data_lane& operator=(const data_lane&) = delete;
    data_lane(data_lane&&) = delete;
    data_lane& operator=(data_lane&&) = delete;

    void adopt(session_key key, iscsi::session session, int socket, note_handler notes) override;
    void transport(session_key key, int socket, iscsi::fault why) override;
    void attach(
        session_key key,
        const iscsi::lun_field& lun,
        const scsi::logical_unit& properties,
        lane_resident& resident
    ) override;
    void detach(lane_resident& resident, std::function<void()> gone) override;
    void fail_requests(session_key key, const iscsi::lun_field& lun, int error) override;
    void fail_requests_for(session_key key, const iscsi::lun_field& lun, session_key by, int error)
        override;
    void retire(session_key key, const iscsi::lun_field& lun) override;
    void ledger(
        session_key key,
        const iscsi::lun_field& lun,
        std::function<void(std::shared_ptr<const write_ledger>)> found
    ) override;
    void forget_ledger(session_key key, const iscsi::lun_field& lun) override;
    void inherit(session_key key, const iscsi::lun_field& lun) override;
    void refresh(
        session_key key,
        const iscsi::lun_field& lun,
        const scsi::logical_unit& properties,
        iscsi::instant looked_at
    ) override;
    void post(std::function<void()> work) override;
    void execute(
        session_key key, const iscsi::command& what, std::function<void(scsi_outcome)> done
    ) override;
    void look(session_key key, std::function<void(session_view)> seen) override;
    void give_up(session_key key, std::function<void(std::optional<std::size_t>)> done) override;
    void give_up_unit(session_key key, const iscsi::lun_field& lun) override;
    void reset_first(session_key key, const iscsi::lun_field& lun, std::string why) override;
    void change(session_key key, iscsi::session_settings settings) override;
    void logout(session_key key) override;
    void drop(session_key key, std::function<void()> gone) override;

    std::string_view ring_name() const override { return io_->name(); }

  private:
    // A disk's queue on this lane. Its session may go before it.
    struct attachment {
        lane_resident* resident = nullptr;
        session_key session = 0;
        iscsi::lun_field lun{};
        std::unique_ptr<lun_queue> queue;
        session_host* host = nullptr;
        bool leaving = false;
        bool has_left = false;
        std::function<void()> gone;
    };

    struct departure {
        session_key session = 0;
        std::function<void()> gone;
    };

    void run();
    void turn();
    void end();
    std::optional<iscsi::instant> next_deadline() const;

    session_host* find(session_key key);
    void begin_leaving(attachment& disk);
    void give_back_memory(iscsi::instant now);
    void forget_disks();
    void forget_sessions();
    void forget_session(session_host& host);

    std::unique_ptr<ring> io_;
    std::string name_;
    inbox inbox_;
    session_schedule schedule_;
    std::unordered_map<session_key, std::unique_ptr<session_host>> sessions_;
    std::vector<departure> departures_; // of sessions
    std::vector<std::unique_ptr<attachment>> disks_;
    bool running_ = true;
    bool some_disk_has_left_ = false;
    bool some_memory_is_used_ = false;               // that disks can give back
    std::optional<iscsi::instant> next_giving_back_; // only while there is some
    std::optional<iscsi::instant> end_of_patience_;  // the lane ends, at the latest then
    std::thread thread_;
};

data_lane::data_lane(std::unique_ptr<ring> io, std::string thread_name)
    : io_(std::move(io)), name_(std::move(thread_name)) {
    const os::blocked_signals meanwhile; // those are for the main thread
    thread_ = std::thread([this] { run(); });
}

data_lane::~data_lane() {
    inbox_.post([this] { running_ = false; });
    thread_.join();
}

void data_lane::adopt(session_key key, iscsi::session session, int socket, note_handler notes) {
    inbox_.post([this, key, socket, session = std::move(session), notes = std::move(notes)](
                ) mutable {
        const session_host::place here{socket, *io_, schedule_};
        sessions_[key] =
            std::make_unique<session_host>(key, std::move(session), here, std::move(notes));
    });
}

void data_lane::fail_requests(session_key key, const iscsi::lun_field& lun, int error) {
    inbox_.post([this, key, lun, error] {
        if (session_host* const host = find(key))
            host->unit_of(lun).fail_requests(error);
    });
}

void data_lane::fail_requests_for(
    session_key key, const iscsi::lun_field& lun, session_key by, int error
) {
    inbox_.post([this, key, lun, by, error] {
        if (session_host* const host = find(key))
            host->unit_of(lun).fail_requests_for(by, error);
    });
}

void data_lane::retire(session_key key, const iscsi::lun_field& lun) {
    inbox_.post([this, key, lun] {
        if (session_host* const host = find(key))
            host->unit_of(lun).retire();
    });
}

void data_lane::ledger(
    session_key key,
    const iscsi::lun_field& lun,
    std::function<void(std::shared_ptr<const write_ledger>)> found
) {
    inbox_.post([this, key, lun, found = std::move(found)] {
        session_host* const host = find(key);
        found(host != nullptr ? host->unit_of(lun).ledger() : std::make_shared<write_ledger>());
    });
}

void data_lane::forget_ledger(session_key key, const iscsi::lun_field& lun) {
    inbox_.post([this, key, lun] {
        if (session_host* const host = find(key))
            host->unit_of(lun).forget_ledger();
    });
}

void data_lane::inherit(session_key key, const iscsi::lun_field& lun) {
    inbox_.post([this, key, lun] {
        if (session_host* const host = find(key))
            host->unit_of(lun).ledger()->inherit();
    });
}

void data_lane::refresh(
    session_key key,
    const iscsi::lun_field& lun,
    const scsi::logical_unit& properties,
    iscsi::instant looked_at
) {
    inbox_.post([this, key, lun, properties, looked_at] {
        if (session_host* const host = find(key))
            host->unit_of(lun).refresh(properties, looked_at);
    });
}

void data_lane::post(std::function<void()> work) {
    inbox_.post(std::move(work));
}

void data_lane::transport(session_key key, int socket, iscsi::fault why) {
    inbox_.post([this, key, socket, why = std::move(why)] {
        if (session_host* const host = find(key))
            host->transport(socket, why);
        else if (socket >= 0)
            ::close(socket);
    });
}

void data_lane::attach(
    session_key key,
    const iscsi::lun_field& lun,
    const scsi::logical_unit& properties,
    lane_resident& resident
) {
    inbox_.post([this, key, lun, properties, &resident] {
        auto disk = std::make_unique<attachment>();
        disk->resident = &resident;
        disk->session = key;
        disk->lun = lun;
        disk->host = find(key);
        unit* const shared = disk->host != nullptr ? &disk->host->unit_of(lun) : nullptr;
        disk->queue = std::make_unique<lun_queue>(shared, properties, resident.fence());
        if (disk->host != nullptr)
            introduce(*disk->host, *shared, *disk->queue, properties);
        lun_queue& port = *disk->queue;
        disks_.push_back(std::move(disk));
        resident.tell_of_used_memory(some_memory_is_used_);
        resident.start(*io_, port);
    });
}

void data_lane::detach(lane_resident& resident, std::function<void()> gone) {
    inbox_.post([this, &resident, gone = std::move(gone)]() mutable {
        const auto disk = std::ranges::find(disks_, &resident, &attachment::resident);
        if (disk == disks_.end()) {
            gone();
            return;
        }
        (*disk)->gone = std::move(gone);
        begin_leaving(**disk);
    });
}

void data_lane::execute(
    session_key key, const iscsi::command& what, std::function<void(scsi_outcome)> done
) {
    control_command command;
    command.what = what;
    command.data_in.resize(what.data_in.size());
    command.data_out.assign(what.data_out.begin(), what.data_out.end());
    command.done = std::move(done);
    inbox_.post([this, key, command = std::move(command)]() mutable {
        if (session_host* const host = find(key))
            host->execute(std::move(command));
        else
            end_as_lost(command);
    });
}

void data_lane::look(session_key key, std::function<void(session_view)> seen) {
    inbox_.post([this, key, seen = std::move(seen)] {
        const session_host* const host = find(key);
        seen(host != nullptr ? host->view() : session_view{});
    });
}

void data_lane::give_up(session_key key, std::function<void(std::optional<std::size_t>)> done) {
    inbox_.post([this, key, done = std::move(done)] {
        session_host* const host = find(key);
        done(host != nullptr ? host->give_up() : std::nullopt);
    });
}

void data_lane::give_up_unit(session_key key, const iscsi::lun_field& lun) {
    inbox_.post([this, key, lun] {
        if (session_host* const host = find(key))
            host->give_up_unit(lun);
    });
}

void data_lane::reset_first(session_key key, const iscsi::lun_field& lun, std::string why) {
    inbox_.post([this, key, lun, why = std::move(why)] {
        if (session_host* const host = find(key))
            host->reset_first(lun, why);
    });
}

void data_lane::change(session_key key, iscsi::session_settings settings) {
    inbox_.post([this, key, settings = std::move(settings)] {
        if (session_host* const host = find(key))
            host->change(settings);
    });
}

void data_lane::logout(session_key key) {
    inbox_.post([this, key] {
        if (session_host* const host = find(key))
            host->logout();
    });
}

void data_lane::drop(session_key key, std::function<void()> gone) {
    inbox_.post([this, key, gone = std::move(gone)]() mutable {
        session_host* const host = find(key);
        if (host == nullptr) {
            gone();
            return;
        }
        departures_.push_back({key, std::move(gone)});
        host->leave();
    });
}

void data_lane::run() {
    ::pthread_setname_np(::pthread_self(), name_.substr(0, longest_thread_name).c_str());
    inbox_.open(*io_);
    while (running_)
        turn();
    end();
}

void data_lane::turn() {
    io_->turn(next_deadline());
    const auto now = std::chrono::steady_clock::now();
    schedule_.turn(now);
    forget_sessions();
    forget_disks();
    if (some_memory_is_used_)
        give_back_memory(now);
}

void data_lane::give_back_memory(iscsi::instant now) {
    if (next_giving_back_ && now < *next_giving_back_)
        return;
    if (std::exchange(next_giving_back_, std::nullopt)) {
        some_memory_is_used_ = false;
        std::size_t most = most_to_give_back;
        for (const auto& disk : disks_)
            if (disk->resident->give_back_memory(most))
                some_memory_is_used_ = true;
    }
    if (some_memory_is_used_)
        next_giving_back_ = now + interval_of_giving_back;
}

// Sessions first: that ends the requests which the disks wait for.
void data_lane::end() {
    end_of_patience_ = std::chrono::steady_clock::now() + patience_at_the_end;
    for (const auto& [key, host] : sessions_) {
        departures_.push_back({key, [] {}});
        host->leave();
    }
    for (const auto& each : disks_)
        begin_leaving(*each);
    forget_sessions();
    forget_disks();
    inbox_.close();
    const auto quiet = [this] { return sessions_.empty() && disks_.empty() && !inbox_.is_open(); };
    while (!quiet() && std::chrono::steady_clock::now() < *end_of_patience_)
        turn();
}

std::optional<iscsi::instant> data_lane::next_deadline() const {
    const auto own = iscsi::earlier(end_of_patience_, next_giving_back_);
    return iscsi::earlier(own, schedule_.next_deadline());
}

session_host* data_lane::find(session_key key) {
    const auto found = sessions_.find(key);
    return found == sessions_.end() ? nullptr : found->second.get();
}

void data_lane::begin_leaving(attachment& disk) {
    if (std::exchange(disk.leaving, true))
        return;
    disk.resident->leave([this, &disk] {
        disk.has_left = true;
        some_disk_has_left_ = true;
    });
}

// At the end of a turn, when no function of the disk's queue is on the stack.
void data_lane::forget_disks() {
    if (!std::exchange(some_disk_has_left_, false))
        return;
    const auto gone = std::stable_partition(disks_.begin(), disks_.end(), [](const auto& disk) {
        return !disk->has_left;
    });
    const std::vector<std::unique_ptr<attachment>> left(
        std::make_move_iterator(gone), std::make_move_iterator(disks_.end())
    );
    disks_.erase(gone, disks_.end());
    for (const auto& disk : left) {
        if (disk->host != nullptr) {
            disk->host->unit_of(disk->lun).part(*disk->queue);
            disk->host->sources().remove(*disk->queue);
        }
        disk->queue.reset(); // it has left its fence when that is told
        if (disk->gone)
            disk->gone();
    }
}

void data_lane::forget_sessions() {
    for (std::size_t i = 0; i < departures_.size();) {
        session_host* const host = find(departures_[i].session);
        if (host != nullptr && !host->is_quiet()) {
            ++i;
            continue;
        }
        if (host != nullptr)
            forget_session(*host);
        const departure gone = std::move(departures_[i]);
        departures_.erase(departures_.begin() + static_cast<std::ptrdiff_t>(i));
        gone.gone();
    }
}

void data_lane::forget_session(session_host& host) {
    host.sources().end_session();
    for (const auto& disk : disks_)
        if (disk->host == &host)
            disk->host = nullptr;
    sessions_.erase(host.key());
}

} // namespace

bool ends_old_tasks(const scsi::logical_unit& properties) {
    return properties.vendor == vendor_of_lio;
}

std::unique_ptr<lane> make_lane(std::unique_ptr<ring> io, std::string thread_name) {
    return std::make_unique<data_lane>(std::move(io), std::move(thread_name));
}

} // namespace iscsid::lane
