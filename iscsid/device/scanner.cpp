#include "iscsid/device/scanner.hpp"

#include "iscsid/device/command_runner.hpp"
#include "iscsid/device/lun_probe.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <algorithm>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using iscsi::result;

constexpr std::uint32_t first_list_room = 4096;
// Flat addressing has 16384 LUNs, SAM-5 §4.7.7.3; no target is believed to have more.
constexpr std::uint32_t largest_list_room = 8 + 16384 * 8;
constexpr int list_attempts = 4; // the list may grow while it is asked for

struct listed_luns {
    std::vector<iscsi::lun_field> luns;
    std::string no_list;
};

listed_luns only_lun_0(std::string why) {
    return {.luns = {iscsi::lun_field{}}, .no_list = std::move(why)};
}

awaitable<result<listed_luns>> list_luns(const command_runner& runner) {
    scsi::lun_list list;
    std::uint32_t room = first_list_room;
    for (int attempt = 0; attempt < list_attempts; ++attempt) {
        const auto asked = co_await runner.run(iscsi::lun_field{}, scsi::report_luns(room), room);
        if (!asked)
            co_return asked.error();
        if (!asked->good)
            co_return only_lun_0(asked->why);
        auto read = scsi::read_lun_list(asked->data);
        if (!read)
            co_return only_lun_0(read.error().text());
        list = std::move(*read);
        if (list.needed_length <= room || room == largest_list_room)
            break;
        room = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(list.needed_length, largest_list_room)
        );
    }
    co_return listed_luns{.luns = std::move(list.luns), .no_list = {}};
}

awaitable<result<void>>
look_at(const command_runner& runner, iscsi::lun_field lun, scan_result& found) {
    const std::uint64_t number = scsi::lun_number(lun);
    auto probed = co_await probe_lun(runner, lun);
    if (!probed)
        co_return probed.error();
    if (probed->why_not.empty())
        found.disks.push_back({lun, number, std::move(probed->properties)});
    else
        found.skipped.push_back({number, std::move(probed->why_not)});
    co_return result<void>();
}

} // namespace

awaitable<result<scan_result>> scan(execute_function execute, patience waiting) {
    const command_runner runner(std::move(execute), waiting);
    const auto listed = co_await list_luns(runner);
    if (!listed)
        co_return listed.error();
    scan_result found;
    found.no_list = listed->no_list;
    for (const auto& lun : listed->luns) {
        if (scsi::decode_lun(lun).well_known)
            continue;
        if (const auto looked = co_await look_at(runner, lun, found); !looked)
            co_return looked.error();
    }
    co_return found;
}

} // namespace iscsid::device
