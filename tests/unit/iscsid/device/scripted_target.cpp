#include "tests/unit/iscsid/device/scripted_target.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace iscsid::device::test {

namespace {

question asked_by(const scsi::cdb_field& cdb) {
    const auto operation = scsi::operation_of(cdb);
    const auto page = std::to_integer<unsigned>(cdb[2]);
    if (operation == scsi::operation_code::inquiry)
        return {operation, std::to_integer<unsigned>(cdb[1]) << 8U | page};
    const bool senses_mode = operation == scsi::operation_code::mode_sense_6 ||
                             operation == scsi::operation_code::mode_sense_10;
    return {operation, senses_mode ? page : 0};
}

bytes page(unsigned code, const bytes& payload) {
    const auto size = static_cast<unsigned>(payload.size());
    return bytes_of({0x00, code, 0, size}) + payload;
}

bytes inquiry_of_disk() {
    return bytes_of({0x00, 0x00, 0x05, 0x02, 31, 0, 0, 0x02}) +
           text_bytes("IET     VIRTUAL-DISK    0001");
}

bytes names_of_disk(std::uint64_t lun) {
    return bytes_of({0x01, 0x03, 0, 16, 0x60, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0, 0, 0, 0, 0x01, 0}) +
           bytes_of({static_cast<unsigned>(lun)});
}

bytes limits_of_disk() {
    return bytes_of({1, 0, 0, 8, 0, 0, 0x40, 0, 0, 0, 0x20, 0, 0, 0, 0, 0}) +
           bytes_of({0, 1, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0x10, 0x80, 0, 0, 3}) +
           bytes_of({0, 0, 0, 0, 0, 2, 0, 0}) + zeros(20);
}

bytes capacity_of_disk() {
    return bytes_of({0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0, 0, 2, 0, 0, 0x03, 0xc0, 0x01}) + zeros(16);
}

bytes mode_of_disk() {
    return bytes_of({23, 0, 0x10, 0, 0x08, 0x12, 0x04}) + zeros(17);
}

} // namespace

lane::scsi_outcome sends(const bytes& from) {
    lane::scsi_outcome outcome;
    outcome.data = from;
    return outcome;
}

lane::scsi_outcome status(unsigned code) {
    lane::scsi_outcome outcome;
    outcome.done.status = static_cast<std::uint8_t>(code);
    return outcome;
}

lane::scsi_outcome sense(scsi::sense_key key, unsigned code, unsigned qualifier) {
    auto outcome = status(0x02);
    outcome.sense_bytes =
        bytes_of({0x70, 0, static_cast<unsigned>(key), 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier}
        );
    return outcome;
}

lane::scsi_outcome ended(iscsi::task_result how) {
    lane::scsi_outcome outcome;
    outcome.done.outcome = how;
    return outcome;
}

void scripted_target::answer(
    std::uint64_t lun, const question& to, std::deque<lane::scsi_outcome> answers
) {
    script_[{lun, to}] = std::move(answers);
}

void scripted_target::has_luns(const std::vector<std::uint64_t>& numbers) {
    bytes list(8 + 8 * numbers.size());
    iscsi::store_be32(list.data(), static_cast<std::uint32_t>(8 * numbers.size()));
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto lun = scsi::lun_from_number(numbers[i]);
        std::copy(lun.begin(), lun.end(), list.begin() + std::ptrdiff_t(8 + 8 * i));
    }
    answer(0, plain(scsi::operation_code::report_luns), {sends(list)});
}

void scripted_target::has_disk(std::uint64_t lun) {
    answer(lun, plain(scsi::operation_code::test_unit_ready), {status(0)});
    answer(lun, standard_inquiry(), {sends(inquiry_of_disk())});
    answer(lun, vpd(0x00), {sends(page(0x00, bytes_of({0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2})))});
    answer(lun, vpd(0x80), {sends(page(0x80, text_bytes("  beaf11")))});
    answer(lun, vpd(0x83), {sends(page(0x83, names_of_disk(lun)))});
    answer(lun, vpd(0xb0), {sends(page(0xb0, limits_of_disk()))});
    answer(lun, vpd(0xb1), {sends(page(0xb1, bytes_of({0, 1}) + zeros(58)))});
    answer(lun, vpd(0xb2), {sends(page(0xb2, bytes_of({0, 0xe4, 2, 0})))});
    answer(lun, plain(scsi::operation_code::service_action_in_16), {sends(capacity_of_disk())});
    answer(lun, mode_6(0x08), {sends(mode_of_disk())});
}

boost::asio::awaitable<void> virtual_clock::sleep(iscsi::duration time) const {
    const auto timer = std::make_shared<boost::asio::steady_timer>(
        co_await boost::asio::this_coro::executor, iscsi::instant::max()
    );
    sleepers_.emplace(now_ + time, timer);
    co_await timer->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    std::erase_if(sleepers_, [&timer](const auto& each) { return each.second == timer; });
}

void virtual_clock::run(boost::asio::io_context& context) {
    for (;;) {
        context.restart();
        context.poll();
        if (sleepers_.empty())
            return;
        const auto first = sleepers_.begin();
        now_ = std::max(now_, first->first);
        first->second->cancel();
    }
}

// A command that is cancelled is not under way any more for the one who sent it.
execute_function scripted_target::executor(const scan_clock& clock) {
    return [this, &clock](const iscsi::command& what
           ) -> boost::asio::awaitable<iscsi::result<lane::scsi_outcome>> {
        const key asked{scsi::lun_number(what.lun), asked_by(what.cdb)};
        was_crowded_ |= under_way_.contains(asked.first);
        under_way_.insert(asked.first);
        most_under_way_ = std::max(most_under_way_, under_way_.size());
        if (const auto delay = delay_of(asked); delay.count() > 0)
            co_await clock.sleep(delay);
        under_way_.erase(under_way_.find(asked.first));
        co_return execute(what);
    };
}

std::chrono::milliseconds scripted_target::delay_of(const key& asked) const {
    if (silent_.contains(asked))
        return for_ever;
    const auto found = delays_.find(asked.first);
    return found == delays_.end() ? std::chrono::milliseconds(0) : found->second;
}

unsigned scripted_target::times_asked(std::uint64_t lun, const question& what) const {
    const auto found = asked_.find({lun, what});
    return found == asked_.end() ? 0 : found->second;
}

iscsi::result<lane::scsi_outcome> scripted_target::execute(const iscsi::command& what) {
    if (commands_++ >= lives_for_) {
        const boost::system::error_code reset(ECONNRESET, boost::system::generic_category());
        return iscsi::fault{reset, "session", "", ""};
    }
    const key asked{scsi::lun_number(what.lun), asked_by(what.cdb)};
    ++asked_[asked];
    auto outcome = next_answer(asked);
    outcome.data.resize(length_of(what, outcome.data.size()));
    outcome.done.transferred = static_cast<std::uint32_t>(outcome.data.size());
    const bool is_good = outcome.done.outcome == iscsi::task_result::answered &&
                         outcome.done.status == 0 && outcome.done.response == 0;
    if (forgets_residuals_ && is_good && outcome.data.size() < what.data_in.size())
        outcome.done.outcome = iscsi::task_result::short_data;
    return outcome;
}

std::size_t scripted_target::length_of(const iscsi::command& what, std::size_t available) const {
    std::size_t room = what.data_in.size();
    if (reads_short_lengths_ && scsi::operation_of(what.cdb) == scsi::operation_code::inquiry)
        room = std::min(room, std::to_integer<std::size_t>(what.cdb[4]));
    return std::min(room, available);
}

lane::scsi_outcome scripted_target::next_answer(const key& to) {
    const auto found = script_.find(to);
    if (found == script_.end())
        return sense(scsi::sense_key::illegal_request, 0x20, 0x00);
    auto answer = found->second.front();
    if (found->second.size() > 1)
        found->second.pop_front();
    return answer;
}

iscsi::result<scan_result> scan_of(scripted_target& target, const scan_limits& limits) {
    std::optional<iscsi::result<scan_result>> got;
    boost::asio::io_context context;
    virtual_clock clock;
    const auto begun = clock.now();
    boost::asio::co_spawn(
        context,
        scan(target.executor(clock), limits, clock),
        [&got, &target, &clock, begun](const std::exception_ptr& error, auto found) {
            target.scan_time = std::chrono::floor<iscsi::duration>(clock.now() - begun);
            if (!error)
                got = std::move(found);
        }
    );
    clock.run(context);
    return got.value();
}

} // namespace iscsid::device::test
