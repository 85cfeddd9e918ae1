#include "iscsid/session/session_disks.hpp"

#include "iscsid/session/clock.hpp"
#include "iscsid/session/disk_notes.hpp"
#include "iscsid/session/isid.hpp"
#include "iscsid/session/lun_details.hpp"

#include "libiscsi/net/pending.hpp"
#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/disposition.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

namespace iscsid::session {

namespace asio = boost::asio;
namespace net = iscsi::net;

namespace {

// The engine ends a command long before; this is for one that waits for a connection.
constexpr auto command_limit = std::chrono::seconds(60);

// A command of a scan. Its outcome may say anything; only the end of the session is a fault.
asio::awaitable<iscsi::result<lane::scsi_outcome>>
execute_on(lane::lane& lane, lane::session_key sid, const iscsi::command& what) {
    net::pending<lane::scsi_outcome> ended(co_await asio::this_coro::executor);
    lane.execute(sid, what, ended.answer());
    auto outcome = co_await ended.wait(command_limit);
    const bool is_lost = !outcome || (outcome->done.outcome == iscsi::task_result::lost &&
                                      outcome->done.why_lost != iscsi::loss_reason::unit_given_up);
    if (is_lost)
        co_return iscsi::fault{
            iscsi::to_error_code(iscsi::session_errc::not_usable), "scan", "connection lost", {}};
    outcome->done.sense = outcome->sense_bytes; // which has moved
    co_return *std::move(outcome);
}

// Somebody waits for the table; a unit that hangs is named as such in it.
device::scan_limits limits_of_a_description() {
    device::scan_limits limits;
    limits.per_unit = std::chrono::seconds(4);
    limits.whole = std::chrono::seconds(12);
    return limits;
}

constexpr std::uint16_t shortest_inquiry = 36; // SPC-4 §6.6.2: the standard data up to the product

iscsi::command inquiry_of(const iscsi::lun_field& lun, std::vector<std::byte>& room) {
    iscsi::command what;
    what.lun = lun;
    what.cdb = scsi::inquiry(shortest_inquiry);
    what.data_in = room;
    return what;
}

// INQUIRY must be answered by a target for every LUN (SPC-4 §6.6.1): with a peripheral qualifier
// other than 000b where no unit is accessible, or with 25/00.
bool is_without_unit(const lane::scsi_outcome& answer) {
    if (answer.done.outcome != iscsi::task_result::answered)
        return false;
    const auto judged = scsi::judge({answer.done.response, answer.done.status, answer.sense_bytes});
    constexpr unsigned qualifier_shift = 5;
    if (judged.what == scsi::verdict::success)
        return !answer.data.empty() &&
               (std::to_integer<unsigned>(answer.data.front()) >> qualifier_shift) != 0;
    return judged.lun_gone;
}

// A name that is told is used: whoever hears it formats what has it.
std::string told_node(const attached_disk& disk) {
    return disk.is_lost() ? std::string() : disk.state.node;
}

std::string told_node(const disk_tools& with, const device::disk_state& left) {
    return has_lost_left_device(with, left) ? std::string() : left.node;
}

std::vector<device::disk_state>
as_told(const disk_tools& with, std::vector<device::disk_state> left) {
    for (auto& each : left)
        each.node = told_node(with, each);
    return left;
}

} // namespace

session_disks::session_disks(
    const environment& with, condition& changed, lane::session_key sid, std::string name
)
    : with_(with), changed_(changed), sid_(sid), name_(std::move(name)), detached_(with, sid) {}

void session_disks::inherit(device::disk_state left) {
    seen_.push_back(left.lun_number);
    left_.push_back(std::move(left));
}

bool session_disks::has_unverified() const {
    return std::ranges::any_of(disks_, &attached_disk::unverified);
}

bool session_disks::outlive_daemon() const {
    const auto outlives = [this](const device::disk_state& state) {
        return outlives_daemon(with_.disks, state);
    };
    return disks_.size() + left_.size() > 0 &&
           std::ranges::all_of(disks_, outlives, &attached_disk::state) &&
           std::ranges::all_of(left_, outlives);
}

// Also disks whose LUN is gone, while they are in use, and LUNs that have no disk.
std::vector<lun_report> session_disks::report() const {
    std::map<std::uint64_t, lun_report> all;
    for (const auto number : seen_)
        all[number] = {number, {}, false};
    for (const auto& each : left_)
        all[each.lun_number] = {each.lun_number, told_node(with_.disks, each), false};
    for (const auto& each : disks_)
        all[each.state.lun_number] = {each.state.lun_number, told_node(each), each.is_failed};
    std::vector<lun_report> list;
    list.reserve(all.size());
    for (auto& [number, each] : all)
        list.push_back(std::move(each));
    return list;
}

std::string session_disks::node_of(const iscsi::lun_field& lun) const {
    for (const auto& each : disks_)
        if (each.state.lun == lun)
            return told_node(each);
    const auto left = std::ranges::find(left_, lun, &device::disk_state::lun);
    return left == left_.end() ? std::string() : told_node(with_.disks, *left);
}

std::optional<std::string> session_disks::disk_of(std::uint64_t number) const {
    if (const auto* const disk = disk_with(disks_, number))
        return told_node(*disk);
    const auto left = std::ranges::find(left_, number, &device::disk_state::lun_number);
    return left == left_.end() ? std::nullopt : std::optional(told_node(with_.disks, *left));
}

bool session_disks::is_lost(std::uint64_t number) const {
    const auto* const disk = disk_with(disks_, number);
    return disk != nullptr && disk->is_lost();
}

bool session_disks::has_lost() const {
    return std::ranges::any_of(disks_, &attached_disk::is_lost);
}

// A device that is being removed is not lost.
std::vector<std::string> session_disks::note_losses() {
    std::vector<std::string> lines;
    for (auto& each : disks_) {
        if (each.loss_is_told || !each.device || !each.is_lost())
            continue;
        each.loss_is_told = true;
        const auto* const why = each.device->ends_with_another()
                                    ? "LUN {} has no disk any more: {} ended with another session"
                                    : "LUN {} has lost its disk: somebody has taken {} away";
        lines.push_back(fmt::format(fmt::runtime(why), each.state.lun_number, each.state.node));
        with_.workers->post([with = with_.disks, state = each.state] { forget_lost(with, state); });
    }
    return lines;
}

bool session_disks::is_left(std::uint64_t number) const {
    return std::ranges::find(left_, number, &device::disk_state::lun_number) != left_.end();
}

device::execute_function session_disks::executor() const {
    return [lane = lane_, sid = sid_](const iscsi::command& what) {
        return execute_on(*lane, sid, what);
    };
}

asio::awaitable<iscsi::result<device::scan_result>> session_disks::look() const {
    const auto execute = executor();
    co_return co_await device::scan(execute);
}

asio::awaitable<iscsi::result<device::probed_lun>> session_disks::look_at(std::uint64_t number
) const {
    const auto execute = executor();
    co_return co_await device::probe_one(execute, scsi::lun_from_number(number));
}

asio::awaitable<iscsi::result<std::vector<lun_details>>> session_disks::describe() const {
    const auto execute = executor();
    const auto limits = limits_of_a_description();
    const auto seen = co_await device::survey(execute, limits);
    if (!seen)
        co_return seen.error();
    const auto left = as_told(with_.disks, left_);
    co_return details_of(*seen, {disks_, left, detached_.all()});
}

std::vector<lun_details> session_disks::describe_disks() const {
    const auto left = as_told(with_.disks, left_);
    return details_of({disks_, left, detached_.all()});
}

asio::awaitable<void>
session_disks::fail_removed_units(iscsi::duration limit, std::optional<std::uint64_t> only) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::vector<std::pair<std::uint64_t, net::pending<lane::scsi_outcome>>> asked;
    std::vector<std::byte> room(shortest_inquiry);
    for (const auto& each : disks_) {
        const auto number = each.state.lun_number;
        if (only.value_or(number) != number)
            continue;
        auto& answer = asked.emplace_back(number, with_.where.control).second;
        lane_->execute(sid_, inquiry_of(each.state.lun, room), answer.answer());
    }
    for (auto& [number, pending] : asked) {
        const auto left =
            std::max(end - std::chrono::steady_clock::now(), iscsi::instant::duration(1));
        const auto answer =
            co_await pending.wait(std::chrono::duration_cast<iscsi::duration>(left));
        auto* const disk = disk_with(disks_, number);
        if (disk == nullptr || !answer || !is_without_unit(*answer))
            continue;
        spdlog::warn("{}: {} has been removed at the target", name_, name_of(disk->state));
        disk->is_failed = disk->is_gone = true;
        lane_->fail_requests(sid_, disk->state.lun, ENODEV);
    }
}

void session_disks::give_up(std::uint64_t number, which of_them) {
    const auto* const disk = disk_with(disks_, number);
    if (disk == nullptr)
        return;
    lane_->fail_requests(sid_, disk->state.lun, EIO);
    const bool is_shared = !disk->others.empty() && !disk->is_lost();
    if (is_shared)
        fail_other_paths(*disk, EIO);
    if (going_ && going_->number == number)
        going_->bars_others |= is_shared;
    if (of_them == which::unsent)
        return;
    if (going_ && going_->number == number)
        going_->progress->give_up();
    lane_->give_up_unit(sid_, disk->state.lun);
    if (is_shared)
        give_up_other_paths(*disk);
}

asio::awaitable<void> session_disks::changes_end(iscsi::duration limit) {
    const auto is_over = [this] { return !is_changing_; };
    const auto steps = [this] { return going_ ? going_->progress->steps() : 0; };
    bool waits = is_changing_;
    while (waits) {
        const auto steps_before = steps();
        waits = !co_await changed_.wait(is_over, limit);
        if (!waits || !going_ || steps() != steps_before)
            continue;
        spdlog::warn(
            "{}: unfinished I/O of LUN {} is given up for a logout", name_, going_->number
        );
        give_up(going_->number, which::all);
    }
}

// Disks that are left wait for a LUN that is busy, but not for ever: their users were promised no
// more than any command gets.
asio::awaitable<warnings> session_disks::follow(device::scan_result seen, scan_orders orders) {
    auto changes = changes_of(disks_, left_, seen, orders.whose, orders.attach_new);
    if (!orders.remove_gone)
        changes.remove.clear();
    std::erase_if(changes.attach, [this](const auto& each) {
        return detached_.has(each.lun_number);
    });
    if (!left_looked_at_)
        left_looked_at_ = now();
    if (now() < *left_looked_at_ + with_.patience_with_left)
        leave_unanswered(changes, seen);
    seen_.clear();
    for (const auto& each : seen.disks)
        seen_.push_back(each.number);
    co_return co_await apply(std::move(changes));
}

asio::awaitable<warnings>
session_disks::attach(std::uint64_t number, device::probed_lun seen, device::disk_state whose) {
    disk_changes changes;
    changes.sid = sid_;
    changes.leave = left_; // nothing was learned of them
    changes.refresh.push_back(
        {scsi::lun_from_number(number), number, seen.properties, seen.looked_at}
    );
    whose.lun = scsi::lun_from_number(number);
    whose.lun_number = number;
    whose.properties = std::move(seen.properties);
    if (disk_with(disks_, number) == nullptr)
        changes.attach.push_back(std::move(whose));
    else
        changes.replace.push_back(number);
    if (std::ranges::find(seen_, number) == seen_.end())
        seen_.push_back(number);
    co_return co_await apply(std::move(changes));
}

asio::awaitable<void> session_disks::take_over_without_target() {
    if (left_.empty())
        co_return;
    disk_changes changes;
    changes.adopt = left_;
    for (const auto& each : left_)
        lane_->fail_requests(sid_, each.lun, ENOLINK);
    co_await apply(std::move(changes));
    for (auto& each : disks_)
        each.is_failed = each.unverified = true;
}

// The worker has copies: the disks are read, and reported, while it works.
asio::awaitable<warnings> session_disks::apply(disk_changes changes) {
    auto left = std::move(changes.leave);
    auto work =
        [with = with_.disks, lane = lane_, disks = disks_, changes = std::move(changes)]() mutable {
            return apply_changes(with, *lane, std::move(disks), std::move(changes));
        };
    is_changing_ = true;
    auto report = co_await run_on(*with_.workers, std::move(work));
    is_changing_ = false;
    disks_ = std::move(report.disks);
    left_ = std::move(left);
    for (const auto& line : report.news)
        spdlog::info("{}: {}", name_, line);
    for (const auto& line : report.troubles)
        spdlog::error("{}: {}", name_, line);
    changed_.notify_all();
    co_return std::move(report.warnings);
}

asio::awaitable<std::string> session_disks::user_of_left_disks() const {
    if (left_.empty())
        co_return std::string();
    auto look = [with = with_.disks, left = left_] { return user_of(with, left); };
    co_return co_await run_on(*with_.workers, std::move(look));
}

void session_disks::start_removal(removal_orders how, std::function<void(removal_report)> done) {
    post_removal(take_devices(disks_), std::move(how), std::move(done));
}

// Its device goes along, so that it ends there; what is known of it stays until it is gone.
void session_disks::start_removal_of(
    std::uint64_t number, removal_orders how, std::function<void(removal_report)> done
) {
    is_changing_ = true;
    going_ = {number, how.progress};
    auto* const disk = disk_with(disks_, number);
    std::vector<attached_disk> one{*disk};
    disk->device.reset();
    post_removal(std::move(one), std::move(how), std::move(done));
}

void session_disks::end_removal_of(std::uint64_t number, const removal_report& report) {
    is_changing_ = false;
    const bool bars_others = going_ && going_->bars_others;
    going_.reset();
    auto* const disk = disk_with(disks_, number);
    const bool stays = !report.left.empty();
    if (bars_others)
        fail_other_paths(*disk, 0);
    if (!stays || !disk->is_failed) // no bar of give_up() is left behind, whoever has the LUN next
        lane_->fail_requests(sid_, disk->state.lun, 0);
    if (stays)
        *disk = report.left.front();
    else
        std::erase_if(disks_, [number](const auto& each) {
            return each.state.lun_number == number;
        });
    changed_.notify_all();
}

void session_disks::continue_removal(
    std::vector<attached_disk> of, std::function<void(removal_report)> done
) {
    post_removal(std::move(of), {users::are_ignored}, std::move(done));
}

void session_disks::post_removal(
    std::vector<attached_disk> of, removal_orders how, std::function<void(removal_report)> done
) {
    with_.workers->post([with = with_.disks,
                         lane = lane_,
                         of = std::move(of),
                         how = std::move(how),
                         done = std::move(done)]() mutable {
        done(remove_all(with, *lane, std::move(of), how));
    });
}

device::disk_state new_disk_of(
    lane::session_key sid, unsigned index, const login_plan& plan, const net::endpoint& peer
) {
    device::disk_state state;
    state.sid = sid;
    state.index = index;
    state.target = plan.node.target;
    state.portal_address = plan.node.address;
    state.portal_port = plan.node.port;
    state.portal_group_tag = plan.node.group_tag;
    state.interface = plan.node.interface;
    if (!peer.address().is_unspecified())
        state.peer_address = peer.address().to_string();
    state.isid = to_text(plan.session.isid);
    return state;
}

} // namespace iscsid::session
