import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ruleOf } from './rules-of.js';
import { FORMS } from './forms.js';

for (const [where, forms] of Object.entries(FORMS)) {
  const [table = '', family = ''] = where.split(' ');
  const isIpv6 = family === 'ipv6';

  test(`normal form: ${where}: rules are printed as iptables-save 1.8.9 prints them`, () => {
    for (const [given, printed] of forms)
      assert.is(ruleOf(`-A ${given}`, table, isIpv6 ? 'ipv6' : 'ipv4').text, printed, given);
  });

  test(`normal form: ${where}: what is printed is read as the same rule`, () => {
    for (const [given, printed] of forms) {
      const chain = given.split(' ')[0]!;
      const rules = [given, `${chain} ${printed}`].map(line => {
        const { matches, target, text } = ruleOf(`-A ${line}`, table, isIpv6 ? 'ipv6' : 'ipv4');
        return { matches, target, text };
      });
      assert.equal(rules[0], rules[1], given);
    }
  });
}

test.run();
