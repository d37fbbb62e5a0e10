/**
 * Programs that measure the Lua VM. Each takes about 10 to 100 ms in native Lua, and returns a
 * number that shows that it ran.
 *
 * @module
 */

/** A program: Lua source text, and what it returns. */
export interface Program {
  name: string;
  code: string;
  result: number;
}

/** Programs of many kinds. Their geometric mean stands for the VM's speed. */
export const PROGRAMS: readonly Program[] = [
  {
    name: "fib",
    result: 514_229,
    code: `
      local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
      return fib(29)
    `,
  },
  {
    name: "nbody",
    result: -169_052_742,
    code: `
      local function body(x, y, z, vx, vy, vz, mass)
        return { x = x, y = y, z = z, vx = vx, vy = vy, vz = vz, mass = mass }
      end
      local solar = 4 * math.pi ^ 2
      local days = 365.24
      local bodies = {
        body(0, 0, 0, 0, 0, 0, solar),
        body(4.84143144246472082945e+00, -1.16032004402742839362e+00, -1.03622044471123109494e-01,
          1.66007664274403694959e-03 * days, 7.69901118419740425080e-03 * days, -6.90460016972063023554e-05 * days,
          9.54791938424326609124e-04 * solar),
        body(8.34336671824457987790e+00, 4.12479856412430479268e+00, -4.03523417114321381293e-01,
          -2.76742510726411542300e-03 * days, 4.99852801234917238954e-03 * days, 2.30417297573763929463e-05 * days,
          2.85885980666130812119e-04 * solar),
        body(1.28943695621391310164e+01, -1.51111514016986312525e+01, -2.23307578892655734398e-01,
          2.96460137564761618652e-03 * days, 2.37847173959480950415e-03 * days, -2.96589568540237556131e-05 * days,
          4.36624404335156298062e-05 * solar),
        body(1.53796971148509165498e+01, -2.59193146099879641146e+01, 1.79258772950371181757e-01,
          2.68067772490389322511e-03 * days, 1.62824170038242295431e-03 * days, -9.51592254519715870971e-05 * days,
          5.15138902046611451304e-05 * solar),
      }
      local px, py, pz = 0, 0, 0
      for _, b in ipairs(bodies) do
        px, py, pz = px + b.vx * b.mass, py + b.vy * b.mass, pz + b.vz * b.mass
      end
      bodies[1].vx, bodies[1].vy, bodies[1].vz = -px / solar, -py / solar, -pz / solar
      for _ = 1, 12000 do
        for i = 1, #bodies do
          local a = bodies[i]
          for j = i + 1, #bodies do
            local b = bodies[j]
            local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
            local square = dx * dx + dy * dy + dz * dz
            local magnitude = 0.01 / (square * square ^ 0.5)
            local by = b.mass * magnitude
            a.vx, a.vy, a.vz = a.vx - dx * by, a.vy - dy * by, a.vz - dz * by
            by = a.mass * magnitude
            b.vx, b.vy, b.vz = b.vx + dx * by, b.vy + dy * by, b.vz + dz * by
          end
        end
        for _, b in ipairs(bodies) do
          b.x, b.y, b.z = b.x + 0.01 * b.vx, b.y + 0.01 * b.vy, b.z + 0.01 * b.vz
        end
      end
      local energy = 0
      for i, a in ipairs(bodies) do
        energy = energy + 0.5 * a.mass * (a.vx ^ 2 + a.vy ^ 2 + a.vz ^ 2)
        for j = i + 1, #bodies do
          local b = bodies[j]
          energy = energy - a.mass * b.mass / math.sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2 + (a.z - b.z) ^ 2)
        end
      end
      return math.floor(energy * 1e9)
    `,
  },
  {
    name: "spectral-norm",
    result: 1_274_219_991,
    code: `
      local function element(i, j)
        local ij = i + j - 1
        return 1.0 / (ij * (ij - 1) * 0.5 + i)
      end
      local function times(x, y, n, transposed)
        for i = 1, n do
          local sum = 0
          for j = 1, n do sum = sum + x[j] * (transposed and element(j, i) or element(i, j)) end
          y[i] = sum
        end
      end
      local n = 100
      local u, v, t = {}, {}, {}
      for i = 1, n do u[i] = 1 end
      for _ = 1, 10 do
        times(u, t, n, false) times(t, v, n, true)
        times(v, t, n, false) times(t, u, n, true)
      end
      local uv, vv = 0, 0
      for i = 1, n do uv, vv = uv + u[i] * v[i], vv + v[i] * v[i] end
      return math.floor(math.sqrt(uv / vv) * 1e9)
    `,
  },
  {
    name: "binary-trees",
    result: 524_272,
    code: `
      local function tree(depth)
        if depth == 0 then return {} end
        return { tree(depth - 1), tree(depth - 1) }
      end
      local function count(node)
        if node[1] then return 1 + count(node[1]) + count(node[2]) end
        return 1
      end
      local total = 0
      for _ = 1, 16 do total = total + count(tree(14)) end
      return total
    `,
  },
  {
    name: "fannkuch",
    result: 8_629_030,
    code: `
      local n = 9
      local p, q, s, sign, flips_max, sum = {}, {}, {}, 1, 0, 0
      for i = 1, n do p[i], q[i], s[i] = i, i, i end
      while true do
        local first = p[1]
        if first ~= 1 then
          for i = 2, n do q[i] = p[i] end
          local flips = 1
          while true do
            local at = q[first]
            if at == 1 then
              sum = sum + sign * flips
              if flips > flips_max then flips_max = flips end
              break
            end
            q[first] = first
            if first >= 4 then
              local i, j = 2, first - 1
              repeat q[i], q[j] = q[j], q[i] i, j = i + 1, j - 1 until i >= j
            end
            first, flips = at, flips + 1
          end
        end
        if sign == 1 then
          p[1], p[2], sign = p[2], p[1], -1
        else
          p[2], p[3], sign = p[3], p[2], 1
          for i = 3, n do
            if s[i] ~= 1 then s[i] = s[i] - 1 break end
            if i == n then return sum * 1000 + flips_max end
            s[i] = i
            local t = p[1]
            for j = 1, i do p[j] = p[j + 1] end
            p[i + 1] = t
          end
        end
      end
    `,
  },
  {
    name: "n-queens",
    result: 724,
    code: `
      local n, found = 10, 0
      local columns, up, down = {}, {}, {}
      local function place(row)
        if row > n then found = found + 1 return end
        for column = 1, n do
          local u, d = row + column, row - column + n
          if not (columns[column] or up[u] or down[d]) then
            columns[column], up[u], down[d] = true, true, true
            place(row + 1)
            columns[column], up[u], down[d] = false, false, false
          end
        end
      end
      place(1)
      return found
    `,
  },
  {
    name: "string building",
    result: 2_211_091,
    code: `
      local total = 0
      for round = 1, 20 do
        local parts = {}
        for i = 1, 10000 do parts[i] = i .. ":" .. ("%d,"):format(i * round) end
        local text = table.concat(parts)
        total = total + #text + select(2, text:gsub("1:", "")) + #text:upper():sub(1, 100):rep(10)
      end
      return total
    `,
  },
  {
    name: "sort",
    result: 499_962_908,
    code: `
      local seed, numbers, words = 42, {}, {}
      for i = 1, 60000 do
        seed = (seed * 1103515245 + 12345) & 0x7fffffff
        numbers[i] = seed
        if i <= 10000 then words[i] = "w" .. seed end
      end
      table.sort(numbers)
      table.sort(words)
      table.sort(numbers, function(a, b) return a > b end)
      return numbers[1] + numbers[60000] + tonumber(words[1]:sub(2)) % 1000 - 1647526750
    `,
  },
  {
    name: "closures",
    result: 2_001_000_000,
    code: `
      local function adder(n) local sum = 0 return function(x) sum = sum + x * n return sum end end
      local total = 0
      for _ = 1, 1000 do
        local add = adder(2)
        local last
        for i = 1, 1000 do last = add(i) end
        total = total + last * 2 - 1000
      end
      local function compose(f, g) return function(x) return f(g(x)) end end
      local inc = function(x) return x + 1 end
      local many = inc
      for _ = 1, 20 do many = compose(many, inc) end
      for _ = 1, 10000 do many(1) end
      return total
    `,
  },
  {
    name: "method calls",
    result: 3_300_000,
    code: `
      local Shape = {}
      Shape.__index = Shape
      function Shape.new(w, h) return setmetatable({ w = w, h = h, count = 0 }, Shape) end
      function Shape:area() return self.w * self.h end
      function Shape:grow(by) self.count = self.count + by return self end
      local Square = setmetatable({}, { __index = Shape })
      Square.__index = Square
      function Square.new(w) return setmetatable({ w = w, h = w, count = 0 }, Square) end
      local a, b, total = Shape.new(2, 3), Square.new(2), 0
      for _ = 1, 300000 do total = total + a:area() + b:area() a:grow(1):grow(-1) b:grow(1) end
      return total + b.count
    `,
  },
];

/**
 * What depends on how Lua's errors and coroutines were compiled to WebAssembly: errors
 * that `error` raises, that an instruction raises, and that pass through C code.
 */
export const CONTROL_PROGRAMS: readonly Program[] = [
  {
    name: "pcall with error",
    result: 100_000,
    code: `
      local caught = 0
      for i = 1, 100000 do
        local ok, message = pcall(error, "failed")
        if not ok and message == "failed" then caught = caught + 1 end
      end
      return caught
    `,
  },
  {
    name: "pcall with a runtime error",
    result: 100_000,
    code: `
      local caught = 0
      local function fail(t) return t.missing.field end
      for i = 1, 100000 do
        if not pcall(fail, {}) then caught = caught + 1 end
      end
      return caught
    `,
  },
  {
    name: "pcall with an error through C code",
    result: 100_000,
    code: `
      local caught = 0
      local function fail() error("failed") end
      for i = 1, 100000 do
        if not pcall(string.gsub, "x", "x", fail) then caught = caught + 1 end
      end
      return caught
    `,
  },
  {
    name: "coroutine switch",
    result: 20_000_100_000,
    code: `
      local sum = 0
      local adder = coroutine.create(function(x)
        while true do x = coroutine.yield(sum + x) end
      end)
      for i = 1, 200000 do
        local _, value = coroutine.resume(adder, i)
        sum = value
      end
      return sum
    `,
  },
];
