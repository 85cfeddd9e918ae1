#include "iscsid/device/scanner.hpp"

#include "iscsid/device/survey.hpp"

#include "libiscsi/scsi/lun.hpp"

#include <algorithm>
#include <map>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using iscsi::result;

// Targets that do not look at the LUN field answer each guess as LUN 0.
bool is_seen_already(const scan_result& seen, const scsi::logical_unit& unit) {
    const bool has_name = !unit.wwid.empty() || !unit.serial.empty();
    return has_name && std::ranges::any_of(seen.disks, [&unit](const found_lun& each) {
               return each.properties.wwid == unit.wwid && each.properties.serial == unit.serial;
           });
}

class sorting {
  public:
    explicit sorting(const survey_result& all) : all_(all) { seen_.no_list = all.no_list; }

    scan_result take() {
        for (const auto& each : all_.luns)
            if (!all_.is_vain_guess(each))
                sort(each);
        const bool none_is_known = seen_.disks.empty() && seen_.skipped.empty();
        seen_.is_silent = all_.is_list_silent && none_is_known &&
                          std::ranges::none_of(all_.luns, has_said_what_it_is);
        return std::move(seen_);
    }

  private:
    static bool has_said_what_it_is(const surveyed_lun& each) {
        return each.probed && each.probed->is_there;
    }

    void sort(const surveyed_lun& each) {
        const auto number = scsi::lun_number(each.lun);
        const bool is_guess = !all_.no_list.empty() && number != 0;
        if (!each.probed)
            seen_.unanswered.push_back({number, "not asked, the time for the scan was over"});
        else if (is_guess && is_seen_already(seen_, each.probed->properties))
            seen_.skipped.push_back({number, "it answers as a LUN before it", true});
        else
            sort(each.lun, *each.probed);
    }

    void sort(const iscsi::lun_field& lun, const probed_lun& probed) {
        const auto number = scsi::lun_number(lun);
        switch (probed.what.is) {
        case unit_kind::disk:
            seen_.disks.push_back({lun, number, probed.properties, probed.looked_at});
            break;
        case unit_kind::no_disk:
            seen_.skipped.push_back({number, probed.what.why, false});
            break;
        case unit_kind::unusable:
            seen_.skipped.push_back({number, probed.what.why, true});
            break;
        case unit_kind::no_answer:
            seen_.unanswered.push_back({number, probed.what.why});
            break;
        }
    }

    const survey_result& all_;
    scan_result seen_;
};

} // namespace

awaitable<result<scan_result>>
scan(execute_function execute, scan_limits limits, const scan_clock& clock) {
    const auto all = co_await survey(std::move(execute), limits, clock);
    if (!all)
        co_return all.error();
    co_return sorting(*all).take();
}

namespace {

// Two paths to one unit belong to two sessions; under two numbers of one session it would be two
// disks with two caches, and one link by-id.
void add_twins(const std::vector<found_lun>& disks, std::vector<std::string>& lines) {
    std::map<std::string, std::uint64_t> first;
    for (const found_lun& each : disks) {
        const std::string& name = each.properties.wwid;
        const auto [known, is_new] = first.try_emplace(name, each.number);
        if (!name.empty() && !is_new)
            lines.push_back(
                "LUN " + std::to_string(known->second) + " and LUN " + std::to_string(each.number) +
                " have one name, " + name +
                ": what is written to the one may change the other, and links by-id lead to one "
                "of them"
            );
    }
}

} // namespace

std::vector<std::string> warnings_of(const scan_result& seen) {
    const auto line = [](std::uint64_t number, const std::string& why) {
        return "LUN " + std::to_string(number) + " is not usable: " + why;
    };
    std::vector<std::string> lines;
    if (!seen.no_list.empty())
        lines.push_back("there is no list of LUNs, only LUN 0 to 7 were asked: " + seen.no_list);
    for (const auto& each : seen.skipped)
        if (each.deserves_warning)
            lines.push_back(line(each.number, each.why));
    for (const auto& each : seen.unanswered)
        lines.push_back(line(each.number, each.why));
    add_twins(seen.disks, lines);
    return lines;
}

} // namespace iscsid::device
