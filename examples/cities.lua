-- Cleans, groups and ranks the cities in _io.input.cities, rows as GeoNames has them:
-- { name, lat, lng, country, ... }, with the coordinates as text. Also finds the
-- neighbours of _io.input.capitals, a list of { name, country }.

local TOP <const> = _io.input.top or 10
local BAND_DEGREES <const> = 15
local EARTH_RADIUS_KM <const> = 6371

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

-- Gives the coordinate as a number, or nil if it is none within the limit.
local function coordinate(text, limit)
  local degrees = tonumber(text)
  if degrees and math.abs(degrees) <= limit then return degrees end
end

-- Gives the row as a city, or nil if something in it is missing or invalid.
local function clean(row)
  local name, country = trim(row.name or ""), trim(row.country or "")
  local lat, lng = coordinate(row.lat, 90), coordinate(row.lng, 180)
  if name == "" or country == "" or not lat or not lng then return nil end
  return { name = name, country = country, lat = lat, lng = lng }
end

local function cleanAll(rows)
  local cities = {}
  for _, row in ipairs(rows) do
    cities[#cities + 1] = clean(row)
  end
  return cities
end

-- Counts the cities by what key(city) gives.
local function countBy(cities, key)
  local counts = {}
  for _, city in ipairs(cities) do
    local k = key(city)
    counts[k] = (counts[k] or 0) + 1
  end
  return counts
end

-- Gives { key, count } for each count above min, the largest first.
local function ranked(counts, min)
  local rows = {}
  for key, count in pairs(counts) do
    if count > min then rows[#rows + 1] = { key = key, count = count } end
  end
  table.sort(rows, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.key < b.key
  end)
  return rows
end

local function take(rows, count)
  return _io.array(table.move(rows, 1, math.min(count, #rows), 1, {}))
end

-- Counts by band of latitude, from north to south.
local function bandsOf(cities)
  local top <const> = 90 // BAND_DEGREES - 1
  local counts = countBy(cities, function(city)
    return math.min(city.lat // BAND_DEGREES, top)
  end)
  local bands = {}
  for band = top, -90 // BAND_DEGREES, -1 do
    local south = band * BAND_DEGREES
    bands[#bands + 1] = { south = south, north = south + BAND_DEGREES, count = counts[band] or 0 }
  end
  return bands
end

-- Distance on the sphere, by the haversine formula.
local function distanceKm(a, b)
  local lat1, lat2 = math.rad(a.lat), math.rad(b.lat)
  local dLat, dLng = lat2 - lat1, math.rad(b.lng - a.lng)
  local h = math.sin(dLat / 2) ^ 2 + math.cos(lat1) * math.cos(lat2) * math.sin(dLng / 2) ^ 2
  return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(math.min(1, h)))
end

-- Gives the `count` cities nearest to a city, the nearest first.
local function nearest(cities, origin, count)
  local found = {}
  for _, city in ipairs(cities) do
    local km = distanceKm(origin, city)
    if city ~= origin and (#found < count or km < found[count].km) then
      local i = math.min(#found + 1, count)
      while i > 1 and found[i - 1].km > km do
        found[i] = found[i - 1]
        i = i - 1
      end
      found[i] = { name = city.name, country = city.country, km = km }
    end
  end
  return found
end

local function find(cities, name, country)
  for _, city in ipairs(cities) do
    if city.name == name and city.country == country then return city end
  end
end

local function neighboursOf(cities, capitals)
  local result = {}
  for _, capital in ipairs(capitals) do
    local city = find(cities, capital.name, capital.country)
    if city then
      result[#result + 1] = { capital = capital.name, neighbours = _io.array(nearest(cities, city, 3)) }
    end
  end
  return result
end

local cities = cleanAll(_io.input.cities)
local countries = ranked(countBy(cities, function(city) return city.country end), 0)
local names = ranked(countBy(cities, function(city) return city.name end), 1)

_io.output = {
  count = #cities,
  dropped = #_io.input.cities - #cities,
  countryCount = #countries,
  countries = take(countries, TOP),
  bands = bandsOf(cities),
  duplicateCount = #names,
  duplicates = take(names, TOP),
  capitals = _io.array(neighboursOf(cities, _io.input.capitals)),
}
