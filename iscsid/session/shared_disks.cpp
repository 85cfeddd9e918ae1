#include "iscsid/session/shared_disks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace iscsid::session {

namespace {

using std::chrono::steady_clock;

std::string group_of(const login_plan& plan) {
    const auto& node = plan.node;
    return fmt::format("{} {} {} {}", node.target, node.address, node.port, node.interface);
}

} // namespace

// What is to be one disk. In a left one all paths are there from the beginning.
class shared_disks::deal {
  public:
    deal(std::string of_group, const device::disk_state& state)
        : group(std::move(of_group))
        , lun_number(state.lun_number)
        , properties(state.properties)
        , nonce(state.nonce) {}

    bool has(lane::session_key sid) const { return paths.contains(sid); }

    std::vector<disk::disk_path> all_paths() const {
        std::vector<disk::disk_path> all;
        for (const auto& [sid, path] : paths)
            all.push_back(path);
        return all;
    }

    std::vector<lane::session_key> sessions() const {
        std::vector<lane::session_key> all;
        for (const auto& [sid, path] : paths)
            all.push_back(sid);
        return all;
    }

    // Of one whose device is there.
    iscsi::result<shared_disk> share_of(lane::session_key sid) const {
        if (failure)
            return *failure;
        if (made->has_ended())
            return iscsi::fault{
                iscsi::to_error_code(disk::disk_errc::attach_failed),
                fmt::format("the disk of sessions {}", fmt::join(sessions(), ", ")),
                "ended with another of them",
                {}};
        shared_disk mine{made->share()};
        for (const auto& [other, path] : paths)
            if (other != sid)
                mine.others.push_back({path.where, path.what.session, path.what.lun});
        return mine;
    }

    enum class progress : std::uint8_t { open, making, done };

    const std::string group;
    const std::uint64_t lun_number;
    const scsi::logical_unit properties;
    const std::uint64_t nonce;
    const steady_clock::time_point began = steady_clock::now();
    progress is = progress::open;
    bool is_urgent = false;               // waits for nobody
    std::set<lane::session_key> joined;   // have said that they will offer a path
    std::set<lane::session_key> left_out; // have attached what they see now, and it was not this
    std::map<lane::session_key, disk::disk_path> paths; // the queues, in this order
    std::shared_ptr<shared_device> made;
    std::optional<iscsi::fault> failure;
};

std::string difference_of(const scsi::logical_unit& one, const scsi::logical_unit& other) {
    if (one.wwid.empty() || other.wwid.empty())
        return "it has no WWID to know it by";
    if (one.wwid != other.wwid)
        return fmt::format("WWID {} and {}", one.wwid, other.wwid);
    if (one.block_size != other.block_size)
        return fmt::format("blocks of {} and {} bytes", one.block_size, other.block_size);
    if (one.block_count != other.block_count)
        return fmt::format("{} and {} blocks", one.block_count, other.block_count);
    if (one.read_only != other.read_only)
        return "it is read-only for one of them";
    if (one.max_transfer_blocks != other.max_transfer_blocks)
        return fmt::format(
            "transfers of {} and {} blocks", one.max_transfer_blocks, other.max_transfer_blocks
        );
    return {};
}

// ---- sessions -----------------------------------------------------------------------------------

void shared_disks::coming(lane::session_key sid, const login_plan& plan) {
    if (!joins_new_ || plan.sessions < 2)
        return;
    const std::scoped_lock lock(guard_);
    members_[sid] = {group_of(plan), false};
}

void shared_disks::settled(lane::session_key sid) {
    const std::scoped_lock lock(guard_);
    if (const auto known = members_.find(sid); known != members_.end())
        known->second.is_settled = true;
    changed_.notify_all();
}

void shared_disks::gone(lane::session_key sid) {
    const std::scoped_lock lock(guard_);
    members_.erase(sid);
    changed_.notify_all();
}

void shared_disks::hurry(lane::session_key sid) {
    const std::scoped_lock lock(guard_);
    for (const auto& each : open_)
        each->is_urgent |= each->joined.contains(sid);
    changed_.notify_all();
}

void shared_disks::resume(
    lane::lane& where, const login_plan& plan, const std::vector<device::disk_state>& left
) {
    coming(left.front().sid, plan);
    settled(left.front().sid);
    const std::scoped_lock lock(guard_);
    for (const auto& each : left)
        if (each.nonce != 0)
            take_left(where, each);
}

void shared_disks::take_left(lane::lane& where, const device::disk_state& state) {
    auto& of = left_[state.nonce];
    if (!of)
        of = std::make_shared<deal>(std::string(), state);
    of->paths[state.sid] = {
        &where,
        {state.sid, state.lun, state.lun_number, state.target, state.properties, state.nonce}};
}

// ---- new disks ----------------------------------------------------------------------------------

shared_disks::deal_pointer shared_disks::join(const device::disk_state& state) {
    const std::scoped_lock lock(guard_);
    const auto whose = members_.find(state.sid);
    if (whose == members_.end())
        return nullptr;
    for (const auto& each : open_) {
        if (each->group != whose->second.group || each->lun_number != state.lun_number ||
            each->joined.contains(state.sid))
            continue;
        if (difference_of(each->properties, state.properties).empty()) {
            each->joined.insert(state.sid);
            return each;
        }
        tell_mismatch(*each, state);
    }
    auto fresh = std::make_shared<deal>(whose->second.group, state);
    fresh->joined.insert(state.sid);
    open_.push_back(fresh);
    return fresh;
}

void shared_disks::tell_mismatch(const deal& open, const device::disk_state& state) const {
    spdlog::warn(
        "LUN {} of session {} is not joined with that of session {}, each is a disk of its own: {}",
        state.lun_number,
        state.sid,
        *open.joined.begin(),
        difference_of(open.properties, state.properties)
    );
}

std::uint64_t shared_disks::nonce_of(const deal& which) {
    return which.nonce;
}

// Nobody adds a path any more.
bool shared_disks::is_of_several(const deal& which) {
    return which.is == deal::progress::done && which.paths.size() > 1;
}

void shared_disks::offer(deal& which, const disk::disk_path& path) {
    const std::scoped_lock lock(guard_);
    which.paths[path.what.session] = path;
    changed_.notify_all();
}

shared_disks::declaration::declaration(shared_disks& to, std::set<lane::session_key> whose)
    : to_(to), whose_(std::move(whose)) {
    const std::scoped_lock lock(to_.guard_);
    to_.declared_.insert(whose_.begin(), whose_.end());
    to_.changed_.notify_all();
}

shared_disks::declaration::~declaration() {
    const std::scoped_lock lock(to_.guard_);
    for (const auto sid : whose_) {
        to_.declared_.erase(to_.declared_.find(sid));
        for (const auto& each : to_.open_)
            if (!each->joined.contains(sid))
                each->left_out.insert(sid);
    }
    to_.changed_.notify_all();
}

bool shared_disks::waits_for_others(const deal& which, std::chrono::steady_clock::time_point since)
    const {
    if (which.joined.size() > which.paths.size()) // right now
        return true;
    if (which.is_urgent)
        return false;
    const auto now = steady_clock::now();
    const auto is_awaited = [&](const auto& each) {
        const auto& [sid, of] = each;
        const bool is_elsewhere = declared_.contains(sid) && !which.joined.contains(sid);
        if (of.group != which.group || which.has(sid) || is_elsewhere ||
            which.left_out.contains(sid))
            return false;
        return now < since + (of.is_settled ? times_.with_running : times_.with_login);
    };
    return std::ranges::any_of(members_, is_awaited);
}

bool shared_disks::has_company(const deal& which) const {
    const auto is_other = [&](const auto& each) {
        return each.second.group == which.group && !which.has(each.first);
    };
    return std::ranges::any_of(members_, is_other);
}

iscsi::result<shared_disk>
shared_disks::make(const deal_pointer& which, disk::driver& with, lane::session_key sid) {
    constexpr auto step = std::chrono::milliseconds(100); // for the ends of patience
    std::unique_lock lock(guard_);
    while (which->is == deal::progress::open && waits_for_others(*which, which->began))
        changed_.wait_for(lock, step);
    changed_.wait(lock, [&] { return which->is != deal::progress::making; });
    if (which->is == deal::progress::done)
        return which->share_of(sid);
    which->is = deal::progress::making;
    std::erase(open_, which);
    const auto paths = which->all_paths();
    if (paths.size() == 1 && has_company(*which))
        spdlog::warn(
            "LUN {} of session {} gets a disk of its own: no other session of its node offers it "
            "now",
            which->lun_number,
            sid
        );
    lock.unlock();
    auto device = paths.size() == 1 ? with.attach(*paths.front().where, paths.front().what)
                                    : with.attach_shared(paths);
    lock.lock();
    which->is = deal::progress::done;
    changed_.notify_all();
    if (!device) {
        which->failure = device.error();
        return device.error();
    }
    if (paths.size() == 1)
        return shared_disk{*std::move(device)};
    spdlog::info(
        "LUN {}: {} is one disk of sessions {}, with a queue for each",
        which->lun_number,
        (*device)->node(),
        fmt::join(which->sessions(), ", ")
    );
    which->made = std::make_shared<shared_device>(*std::move(device), which->properties);
    return which->share_of(sid);
}

// ---- disks that an earlier daemon has left ------------------------------------------------------

iscsi::result<shared_disk>
shared_disks::adopt(disk::driver& with, const disk::disk_path& path, const std::string& node) {
    std::unique_lock lock(guard_);
    const auto known = left_.find(path.what.nonce);
    const auto which = known == left_.end() ? nullptr : known->second;
    if (!which || which->paths.size() < 2) {
        lock.unlock();
        auto device = with.adopt(*path.where, path.what, node);
        if (!device)
            return device.error();
        return shared_disk{*std::move(device)};
    }
    changed_.wait(lock, [&] { return which->is != deal::progress::making; });
    if (which->is == deal::progress::done)
        return which->share_of(path.what.session);
    which->is = deal::progress::making;
    which->paths[path.what.session] = path;
    const auto paths = which->all_paths();
    lock.unlock();
    for (const auto& each : paths) // each may have written, and nobody knows what
        each.where->inherit(each.what.session, each.what.lun);
    auto device = with.adopt_shared(paths, node);
    lock.lock();
    which->is = deal::progress::done;
    changed_.notify_all();
    if (device)
        which->made = std::make_shared<shared_device>(*std::move(device), which->properties);
    else
        which->failure = device.error();
    return which->share_of(path.what.session);
}

} // namespace iscsid::session
