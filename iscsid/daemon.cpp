#include "iscsid/daemon.hpp"

#include "iscsid/access.hpp"
#include "iscsid/boot_daemon.hpp"
#include "iscsid/compat/sysfs.hpp"
#include "iscsid/device/block_events.hpp"
#include "iscsid/device/nonce.hpp"
#include "iscsid/device/registry.hpp"
#include "iscsid/device/udev_links.hpp"
#include "iscsid/disk/fence_file.hpp"
#include "iscsid/disk/helper.hpp"
#include "iscsid/disk/stale.hpp"
#include "iscsid/disk/ublk_orphans.hpp"
#include "iscsid/disk/unsettled_units.hpp"
#include "iscsid/driver_choice.hpp"
#include "iscsid/initiator_name.hpp"
#include "iscsid/ipc/listener.hpp"
#include "iscsid/ipc/server.hpp"
#include "iscsid/isid_seed.hpp"
#include "iscsid/lane/lane_pool.hpp"
#include "iscsid/left_disks.hpp"
#include "iscsid/metrics/http_server.hpp"
#include "iscsid/metrics/observe.hpp"
#include "iscsid/metrics/socket.hpp"
#include "iscsid/process_end.hpp"
#include "iscsid/runtime_folders.hpp"
#include "iscsid/session/log_subject.hpp"
#include "iscsid/session/login_keeper.hpp"
#include "iscsid/session/manager.hpp"
#include "iscsid/session/rediscovery.hpp"
#include "iscsid/start_up.hpp"
#include "iscsid/sys/background.hpp"
#include "iscsid/sys/kept_descriptors.hpp"
#include "iscsid/sys/log.hpp"
#include "iscsid/sys/notify.hpp"
#include "iscsid/sys/own_unit.hpp"
#include "iscsid/sys/privileges.hpp"
#include "iscsid/sys/protect.hpp"
#include "iscsid/sys/signals.hpp"
#include "iscsid/sys/watchdog.hpp"

#include "libiscsi/admin/version.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <algorithm>

namespace iscsid {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;

namespace {

constexpr std::size_t resolver_threads = 4;
constexpr std::size_t disk_threads = 4;                 // made at once
constexpr std::size_t most_disk_threads = 256;          // when so many sessions block at a time
constexpr std::size_t most_readers = 64;                // each of which may wait for a disk
constexpr auto between_signs = std::chrono::seconds(5); // of life, to systemd while we end
constexpr auto next_sign = std::chrono::seconds(30);
constexpr auto patience_with_threads = std::chrono::seconds(2); // at the end

int refuse(exit_code code, const std::string& why) {
    spdlog::critical("{}", why);
    return static_cast<int>(code);
}

std::size_t lane_count(const admin::config& config) {
    return static_cast<std::size_t>(config.daemon_integer("iscsid.lanes"));
}

void warn(const std::vector<std::string>& of) {
    for (const auto& warning : of)
        spdlog::warn("{}", warning);
}

// Neither file stops the daemon: disks of an earlier one may be waiting for it.
session::current_settings load_settings(const daemon_options& options) {
    session::current_settings settings{
        admin::config::load(options.config_file.value_or(options.where.config_file())), {}};
    warn(settings.config.warnings());
    const auto file = options.initiator_name_file.value_or(options.where.initiator_name_file());
    auto identity = initiator_identity(file);
    if (identity.has_value()) {
        settings.identity = *std::move(identity);
        settings.identity.isid_seed = system_isid_seed(options.where);
        warn(settings.identity.warnings);
    } else {
        spdlog::warn(
            "no initiator name, logins and discovery will be refused: {}", identity.error().text()
        );
    }
    return settings;
}

bool wants_sysfs(const session::current_settings& settings) {
    return settings.config.daemon_value("iscsid.compat.sysfs") == "Yes";
}

// Who connects where.
struct listening_sockets {
    int control = -1;
    int metrics = -1; // -1: nowhere
};

// What a daemon is given besides its settings. It outlives the daemon.
struct daemon_means {
    listening_sockets sockets;
    disk::helper* waiter = nullptr;
    sys::kept_descriptors* kept = nullptr; // nowhere
};

// Everything that runs. Members stand in the order of who needs whom.
class daemon {
  public:
    daemon(
        const daemon_options& options,
        const session::current_settings& settings,
        const daemon_means& means,
        device::registry::loaded left
    );

    // The line of `systemctl status`.
    std::string summary() const;

    // How the daemon ends.
    enum class ending : std::uint8_t { all_logged_out, handed_over, sessions_left };

    // Until stop().
    ending run();

    // After run(). Not empty: what a thread still waits for, and the destructor would for it.
    std::string_view held_up_by();

  private:
    session::environment environment(const session::current_settings& settings);
    void go_on_with_logins(std::set<lane::session_key> of_before);
    admin::daemon_status describe() const;
    void remove_orphans() const;
    void tell_status() const;
    void stop();
    void reload();
    asio::awaitable<void> read_settings();
    asio::awaitable<void> give_signs_of_life();
    void leave();
    bool keeps_disks() const;
    void look_for_successor();
    void show_in_sysfs();
    void answer_metrics(int socket);

    const daemon_options& options_;
    asio::io_context control_{1};
    asio::thread_pool resolvers_{resolver_threads};
    admin::record_store records_;
    std::optional<admin::record_store> boot_records_; // none: the system runs from another disk
    session::worker_pool workers_{disk_threads, most_disk_threads};
    session::worker_pool readers_{1, most_readers}; // of the records before it
    lane::lane_pool lanes_;
    disk::environment where_;
    sys::kept_descriptors* const kept_; // nullptr: nothing is kept for another daemon
    const std::string boot_id_ = device::read_boot_id();
    device::nonce_maker nonces_;
    device::registry registry_;
    device::udev_links links_;
    device::block_events devices_;
    device::registry::loaded left_; // by an earlier daemon
    chosen_driver disks_;
    session::shared_disks shares_;
    session::manager sessions_;
    session::login_keeper keeper_;
    session::rediscovery rediscovery_;
    std::shared_ptr<compat::sysfs> sysfs_; // none: nobody asked for it, or it cannot be had
    ipc::verbs verbs_;
    ipc::server server_;
    std::optional<metrics::http_server> metrics_; // none: nobody asked for it, or it cannot be had
    sys::watchdog watchdog_;
    sys::signals signals_;
    bool stopping_ = false;
    bool handed_over_ = false;
    bool reads_settings_ = false;
    bool reads_them_again_ = false; // what was read may be older than the last word to do so
};

daemon::daemon(
    const daemon_options& options,
    const session::current_settings& settings,
    const daemon_means& means,
    device::registry::loaded left
)
    : options_(options)
    , records_(options.where.database)
    , boot_records_(boot_records(options.where))
    , lanes_(lane_count(settings.config))
    , where_{
          options.where.runtime.string(),
          lanes_.ring_name() == "io_uring",
          export_access(settings.config),
          means.waiter,
          means.kept,
          wanted_ring(settings.config),
          [](const auto& words) { spdlog::error("{}", words); },
          [](const auto& words) { spdlog::warn("{}", words); },
          std::make_shared<disk::unsettled_units>(options.where.runtime.string())}
    , kept_(means.kept)
    , nonces_(boot_id_, options.where.runtime)
    , registry_(options.where.runtime / "state", boot_id_)
    , links_(options.where.runtime / "udev")
    , devices_(control_.get_executor())
    , left_(std::move(left))
    , disks_(choose_driver(where_, settings.config))
    , shares_(shares_sessions(disks_, settings.config))
    , sessions_(environment(settings), settings)
    , keeper_(
          sessions_,
          {control_.get_executor(),
           options.where.runtime / "kept-logins.json",
           boot_id_,
           [this] { tell_status(); }}
      )
    , rediscovery_(
          sessions_,
          keeper_,
          {control_.get_executor(),
           &workers_,
           &records_,
           [this](auto plan, auto note) {
               return session::discover(
                   std::move(plan), resolvers_.get_executor(), std::move(note)
               );
           },
           resolvers_.get_executor()}
      )
    , verbs_(
          sessions_,
          keeper_,
          control_.get_executor(),
          {[this] { return describe(); }, [this] { stop(); }}
      )
    , server_(
          control_.get_executor(), means.sockets.control, verbs_, asking_group(settings.config), {}
      )
    , watchdog_(
          control_.get_executor(),
          {[this](auto answered) { return lanes_.ask_all(answered); },
           [this] { return sessions_.outliving() == sessions_.session_count(); }}
      )
    , signals_(
          control_.get_executor(), [this] { stop(); }, [this] { reload(); }
      ) {
    if (!lanes_.why_not().empty())
        spdlog::warn("no io_uring, epoll does its work: {}", lanes_.why_not());
    answer_metrics(means.sockets.metrics);
    links_.clear();
    show_in_sysfs();
    if (!devices_.listen())
        spdlog::warn("no events of block devices: disks that others take away are missed later");
    remove_orphans();
    std::set<lane::session_key> of_before;
    for (const auto& each : left_.disks)
        of_before.insert(each.sid);
    sessions_.restore(std::move(left_.disks), left_.detached);
    go_on_with_logins(std::move(of_before));
}

// They read records: not before the disk is served that may have them.
void daemon::go_on_with_logins(std::set<lane::session_key> of_before) {
    const auto go_on = [this](const std::exception_ptr& /*there is none*/) {
        keeper_.resume();
        rediscovery_.start();
    };
    if (!boot_records_)
        return go_on({});
    asio::co_spawn(control_, wait_for_disks_of(std::move(of_before), sessions_), go_on);
}

// Before there is a session.
void daemon::show_in_sysfs() {
    const auto source = std::string(compat::source_prefix) + where_.runtime_folder;
    if (!wants_sysfs(sessions_.settings()))
        return compat::remove_left_mounts("/sys", source);
    auto started = compat::sysfs::start({control_.get_executor(), &sessions_, source});
    if (started.has_value()) {
        sysfs_ = *std::move(started);
        spdlog::info("sessions are shown in /sys/class/iscsi_host");
    } else {
        spdlog::error("sessions are not shown in /sys: {}", started.error().text());
    }
}

void daemon::answer_metrics(int socket) {
    if (socket < 0)
        return;
    const metrics::subjects whom{&sessions_, &keeper_, [this] { return describe(); }};
    metrics_.emplace(
        control_.get_executor(),
        socket,
        [whom] { return metrics::observe(whom); },
        metrics::http_limits()
    );
}

session::environment daemon::environment(const session::current_settings& settings) {
    add_earlier_drivers(disks_, left_.disks, where_);
    session::environment with;
    with.where = {control_.get_executor(), resolvers_.get_executor()};
    with.workers = &workers_;
    with.readers = &readers_;
    with.disks.waiter = where_.waiter;
    with.disks.driver = disks_.driver.get();
    for (const auto& each : disks_.earlier)
        with.disks.earlier.push_back(each.get());
    with.disks.registry = &registry_;
    with.disks.links = &links_;
    with.disks.nonces = &nonces_;
    with.disks.shares = &shares_;
    with.disks.unsettled = where_.unsettled.get();
    with.devices = &devices_;
    with.no_driver = disks_.why_none;
    with.records = &records_;
    with.records_in_memory = boot_records_ ? &*boot_records_ : nullptr;
    with.changed = [this](auto sid) {
        if (sysfs_)
            sysfs_->refresh(sid);
    };
    if (wants_sysfs(settings))
        with.hosts_before = compat::hosts_before_ours;
    with.adopt = [this](auto sid, auto engine, int socket, auto notes) -> lane::lane& {
        return lanes_.adopt(sid, std::move(engine), socket, std::move(notes));
    };
    with.drop = [this](auto sid, auto gone) { lanes_.drop(sid, std::move(gone)); };
    return with;
}

// A daemon that was killed between making a device and noting it. Not when a note cannot be read:
// it may be the one.
void daemon::remove_orphans() const {
    if (where_.waiter == nullptr || !left_.bad.empty())
        return;
    const auto is_noted = [this](std::uint64_t nonce) {
        return std::ranges::find(left_.disks, nonce, &device::disk_state::nonce) !=
               left_.disks.end();
    };
    const auto is_orphan = [&](std::uint64_t nonce) {
        return nonces_.is_ours(nonce) && !is_noted(nonce);
    };
    disk::forget_other_fences(where_.runtime_folder, is_noted);
    for (const auto& each : disk::remove_ublk_orphans(*where_.waiter, is_orphan))
        spdlog::warn("removed {}, which an iscsid made that was killed before it was noted", each);
}

admin::daemon_status daemon::describe() const {
    admin::daemon_status now;
    now.version = admin::own_version;
    now.disk_driver = disks_.driver ? disks_.driver->name() : "none";
    now.ring = lanes_.ring_name();
    now.sessions = static_cast<std::uint32_t>(sessions_.session_count());
    now.initiator_name = sessions_.settings().identity.name;
    return now;
}

std::string daemon::summary() const {
    const auto now = describe();
    return fmt::format(
        "iscsid {}: disks by {}, {} lane(s) on {}{}",
        now.version,
        now.disk_driver,
        lanes_.size(),
        now.ring,
        session::words_of(keeper_.missing())
    );
}

void daemon::tell_status() const {
    if (!stopping_)
        sys::notify_status(summary());
}

daemon::ending daemon::run() {
    watchdog_.start();
    control_.run();
    if (handed_over_)
        return ending::handed_over;
    return sessions_.session_count() == 0 ? ending::all_logged_out : ending::sessions_left;
}

std::string_view daemon::held_up_by() {
    if (!ends_within(resolvers_, patience_with_threads))
        return "a name is looked up: the name service does not answer";
    if (!readers_.is_done_within(patience_with_threads) ||
        !workers_.is_done_within(patience_with_threads))
        return "a record is read: the disk of the database does not answer";
    return {};
}

void daemon::stop() {
    if (std::exchange(stopping_, true))
        return;
    sys::notify_stopping();
    server_.stop();
    if (metrics_)
        metrics_->stop();
    keeper_.stop();
    rediscovery_.stop();
    look_for_successor();
    using leaving = session::manager::leaving;
    const auto whom = keeps_disks() ? leaving::mortal : leaving::all;
    spdlog::info("ending: {} session(s)", sessions_.session_count());
    const auto& config = sessions_.settings().config;
    const std::chrono::seconds limit(config.daemon_integer("iscsid.stop_timeout"));
    asio::co_spawn(control_, give_signs_of_life(), asio::detached);
    asio::co_spawn(
        control_,
        sessions_.shut_down(limit, whom),
        [this](const std::exception_ptr& /*the end comes in any case*/) { leave(); }
    );
}

// What systemd keeps it keeps until the unit has stopped.
void daemon::look_for_successor() {
    if (kept_ == nullptr)
        return;
    const auto unit = sys::ask_own_unit();
    if (keeps_disks() && unit && unit->is_started_again)
        return;
    if (!kept_->names().empty())
        spdlog::info("no iscsid follows this one: disks of FUSE end with it");
    kept_->end();
}

// A last flush that gets on, and users that are waited for, may take longer than the unit says.
asio::awaitable<void> daemon::give_signs_of_life() {
    asio::steady_timer pause(control_);
    for (;;) {
        const auto whom = sessions_.waits_for();
        sys::notify_extend_timeout(next_sign);
        sys::notify_status(whom.empty() ? "ending" : "ending, waits for " + whom);
        pause.expires_after(between_signs);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

void daemon::leave() {
    const auto left = sessions_.session_count();
    const auto outliving = keeps_disks() ? sessions_.outliving() : 0;
    handed_over_ = left > 0 && outliving == left;
    if (outliving > 0)
        spdlog::info("{} session(s) are for the next daemon", outliving);
    if (outliving < left)
        spdlog::error("{} session(s) end before all of their disks have", left - outliving);
    if (sysfs_)
        sysfs_->stop();
    sysfs_.reset();
    sessions_.hand_over();
    control_.stop();
}

bool daemon::keeps_disks() const {
    return sessions_.settings().config.daemon_value("iscsid.keep_disks_on_stop") != "No";
}

void daemon::reload() {
    sys::notify_reloading();
    reads_them_again_ = reads_settings_;
    if (!std::exchange(reads_settings_, true))
        asio::co_spawn(control_, read_settings(), asio::detached);
}

// Beside the sessions: the disk of the files may be one of ours, and wait for this thread.
asio::awaitable<void> daemon::read_settings() {
    const auto load = [options = options_] { return load_settings(options); };
    do {
        reads_them_again_ = false;
        sessions_.use(co_await session::run_on(readers_, load));
        rediscovery_.look_again();
        spdlog::info("settings are read again, for what comes next");
    } while (reads_them_again_);
    reads_settings_ = false;
    if (!stopping_)
        sys::notify_ready(summary());
}

// Runs it. Where disks are in use or a target does not answer, waiting for its threads could last
// for ever.
int end_of(
    std::unique_ptr<daemon> running,
    const daemon_options& options,
    const daemon_means& means,
    process_end& last
) {
    const auto end = running->run();
    if (end == daemon::ending::handed_over) {
        // Without taking anything down: the kernel keeps the disks and what they wait for.
        spdlog::info("ended, the disks wait for the next daemon");
        spdlog::shutdown();
        ::_exit(0);
    }
    if (end == daemon::ending::sessions_left) {
        // What is in use now is removed at the next start.
        if (means.waiter != nullptr)
            give_up_left_disks(*means.waiter, options.where.runtime.string(), means.kept);
        spdlog::critical("ended with disks that were in use, or sessions without a logout");
        spdlog::shutdown();
        ::_exit(static_cast<int>(exit_code::logout));
    }
    if (const auto what = running->held_up_by(); !what.empty()) {
        spdlog::warn("ended while {}", what);
        static_cast<void>(running.release());
        last.becomes_due();
        return 0;
    }
    spdlog::info("ended");
    return 0;
}

// From here on the process is the daemon's own, in the foreground or not.
int serve(
    const daemon_options& options,
    const session::current_settings& settings,
    std::optional<sys::background> detached
) {
    process_end last;
    for (const auto& warning : sys::protect_process()) // first: threads inherit it
        spdlog::warn("{}", warning);
    for (const auto& missing : sys::missing_privileges())
        if (!missing.is_told_later)
            spdlog::warn("{}", missing.words);
    const auto kept = sys::kept_descriptors::open();
    const auto folder = take_over_folder(options);
    if (folder.has_error())
        return refuse(exit_code::error, folder.error().text());
    const auto disks_folder = take_disks_folder(options.where.runtime);
    const auto pid = take_pid_file(options);
    if (pid.has_error())
        return refuse(exit_code::error, pid.error().text());
    auto listener =
        ipc::listener::open(options.where.socket, settings.config.daemon_value("iscsid.ipc_group"));
    if (listener.has_error())
        return refuse(exit_code::error, listener.error().text());
    auto metrics_listener = metrics::open_socket(settings.config, options.where.runtime);
    const auto runtime = options.where.runtime.string();
    auto left = load_left_disks(
        device::registry(options.where.runtime / "state", device::read_boot_id()), kept.get()
    );
    if (const auto privileged = start_helper(options))
        clean_up_left_disks(*privileged, runtime, kept.get());
    if (const auto dropped = drop_ids(options); !dropped)
        return refuse(exit_code::error, "-u, -g: " + dropped.error().text());
    warn(sys::lock_memory());
    auto waiter = start_helper(options, disk::disks_folder_in(runtime));
    const listening_sockets sockets{
        listener->take_socket(), metrics_listener ? metrics_listener->take_socket() : -1};
    const daemon_means means{sockets, waiter.get(), kept.get()};
    auto running = std::make_unique<daemon>(options, settings, means, std::move(left));
    spdlog::info("{}", running->summary());
    if (detached) {
        sys::set_up_log(sys::log_place::syslog, options.debug);
        detached->ready();
    }
    sys::notify_ready(running->summary());
    const int code = end_of(std::move(running), options, means, last);
    if (last.is_due()) // a thread may wait for it
        static_cast<void>(waiter.release());
    return code;
}

} // namespace

int run_daemon(const daemon_options& given) {
    const auto options = with_absolute_paths(given);
    sys::open_standard_descriptors();
    sys::set_up_log(sys::log_place::standard_error, options.debug, session::fields_of);
    sys::signals::ignore_early();
    const auto settings = load_settings(options);
    std::optional<sys::background> detached;
    if (!options.foreground) {
        auto entered = sys::background::enter();
        if (entered.has_error())
            return refuse(exit_code::error, entered.error().text());
        detached.emplace(*std::move(entered));
    }
    return serve(options, settings, std::move(detached));
}

} // namespace iscsid
